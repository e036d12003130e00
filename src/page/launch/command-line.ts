/**
 * Arguments as one command line, quoted so that the C runtime takes them apart again.
 * Rules: https://learn.microsoft.com/cpp/c-language/parsing-c-command-line-arguments
 */
export function commandLine(args: readonly string[]): string {
  return args.map(quoted).join(" ");
}

function quoted(argument: string): string {
  if (argument !== "" && !/[\s"]/.test(argument)) return argument;
  // Backslashes count only before a quote, the closing one included.
  return `"${argument.replace(/(\\*)("|$)/g, (_, slashes: string, quote: string) => slashes + slashes + (quote && `\\"`))}"`;
}
