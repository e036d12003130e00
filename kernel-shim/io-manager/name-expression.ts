/**
 * The patterns of directory queries, as FsRtlIsNameInExpression reads them. Besides `*` and `?` there are three characters into which
 * Win32 turns MS-DOS habits: `<` (DOS_STAR) matches up to the last dot, `>` (DOS_QM) one character or nothing before a dot or the end,
 * `"` (DOS_DOT) a dot or nothing at the end.
 * @see https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/nf-ntifs-_fsrtl_advanced_fcb_header-fsrtlisnameinexpression
 */
export function isNameInExpression(expression: string, name: string): boolean {
  // The set of positions in the expression that are reachable after each character of the name: linear in their product, never exponential.
  const lastDot = name.lastIndexOf(".");
  let states = new Set<number>();
  advance(states, expression, 0, name.length === 0 ? undefined : name[0], 0 === name.length);
  for (let i = 0; i < name.length; i++) {
    const c = name[i];
    const next = new Set<number>();
    const following = name[i + 1];
    const atEnd = i + 1 === name.length;
    for (const state of states) {
      const e = expression[state];
      if (e === undefined) continue;
      if (e === "*") advance(next, expression, state, following, atEnd);
      else if (e === "<") {
        // A star that must leave the last dot to what follows it; without one it takes everything.
        if (i !== lastDot) advance(next, expression, state, following, atEnd);
      } else if (e === "?" || (e === ">" && c !== ".")) advance(next, expression, state + 1, following, atEnd);
      else if (e === '"' ? c === "." : e === c) advance(next, expression, state + 1, following, atEnd);
    }
    if (next.size === 0) return false;
    states = next;
  }
  return states.has(expression.length);
}

/** Adds `state` and every state that is reachable from it without consuming a character; `following` is the character that comes next. */
function advance(
  states: Set<number>,
  expression: string,
  state: number,
  following: string | undefined,
  atEnd: boolean,
): void {
  for (;;) {
    if (states.has(state)) return;
    states.add(state);
    const e = expression[state];
    const passes = e === "*" || e === "<" || (e === ">" && (atEnd || following === ".")) || (e === '"' && atEnd);
    if (!passes) return;
    state++;
  }
}

/** The pattern that FindFirstFile makes of a Win32 mask, as Windows' kernelbase does it: `*.*` is everything, `*.` what has no dot. */
export function expressionOfWin32Mask(mask: string): string {
  const name = mask.replace(/(?<=[^.])\.+$/, "");
  const endsInDot = name !== mask;
  if (name === "*.*") return "*";
  const expression = name
    .replace(/\*(?=\.)/g, "<")
    .replace(/\.(?=[*?<])/g, '"')
    .replaceAll("?", ">");
  return endsInDot && expression.endsWith("*") ? `${expression.slice(0, -1)}<` : expression;
}
