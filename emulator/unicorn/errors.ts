/** Error codes of Unicorn with their messages, and the strings that unicorn.js throws. */

/** In the order of their codes. The second part of a row is what `strerror` says; none: it does not know the code. */
const rows = [
  ["ERR_OK", "OK"],
  ["ERR_NOMEM", "No memory available or memory not present"],
  ["ERR_ARCH", "Invalid/unsupported architecture"],
  ["ERR_HANDLE", "Invalid handle"],
  ["ERR_MODE", "Invalid mode"],
  ["ERR_VERSION", "Different API version between core & binding"],
  ["ERR_READ_UNMAPPED", "Invalid memory read"],
  ["ERR_WRITE_UNMAPPED", "Invalid memory write"],
  ["ERR_FETCH_UNMAPPED", "Invalid memory fetch"],
  ["ERR_HOOK", "Invalid hook type"],
  ["ERR_INSN_INVALID", "Invalid instruction"],
  ["ERR_MAP", "Invalid memory mapping"],
  ["ERR_WRITE_PROT", "Write to write-protected memory"],
  ["ERR_READ_PROT", "Read from non-readable memory"],
  ["ERR_FETCH_PROT", "Fetch from non-executable memory"],
  ["ERR_ARG", "Invalid argument"],
  ["ERR_READ_UNALIGNED", "Read from unaligned memory"],
  ["ERR_WRITE_UNALIGNED", "Write to unaligned memory"],
  ["ERR_FETCH_UNALIGNED", "Fetch from unaligned memory"],
  ["ERR_HOOK_EXIST", undefined],
  ["ERR_RESOURCE", "Insufficient resource"],
  ["ERR_EXCEPTION", "Unhandled CPU exception"],
  ["ERR_OVERFLOW", "Provided buffer is too small"],
] as const;

export type ErrorName = (typeof rows)[number][0];

export const errorCodes = Object.fromEntries(rows.map(([name], code) => [name, code])) as Readonly<
  Record<ErrorName, number>
>;

export function strerror(code: number): string {
  const row = rows.at(code < 0 ? rows.length : code);
  return row?.[1] === undefined ? "Unknown error code" : `${row[1]} (UC_${row[0]})`;
}

/** What unicorn.js throws where the C function `name` returns `code`. */
export function failure(name: string, code: number): string {
  return `Unicorn.js: Function ${name} failed with code ${code}:\n${strerror(code)}`;
}
