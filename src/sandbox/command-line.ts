/**
 * Joins arguments to a command line that Microsoft's C runtime and CommandLineToArgvW take apart again as they were
 * ("Parsing C command-line arguments": backslashes count only before a quote).
 */
export function joinCommandLine(args: readonly string[]): string {
  return args.map(quoteArgument).join(" ");
}

function quoteArgument(argument: string): string {
  if (argument !== "" && !/[\s"]/.test(argument)) return argument;
  return `"${argument.replace(/(\\*)"/g, '$1$1\\"').replace(/\\+$/, "$&$&")}"`;
}
