/** File names as NT compares and admits them. */

const upcased = new Map<string, string>();

/**
 * A name in upper case, one UTF-16 unit for one: NT's $UpCase maps no character to two (ß stays ß).
 * @see https://learn.microsoft.com/openspecs/windows_protocols/ms-fscc (upcase table)
 */
export function upcase(name: string): string {
  if (/^[\x00-\x7f]*$/.test(name)) return name.toUpperCase();
  const known = upcased.get(name);
  if (known !== undefined) return known;
  let result = "";
  for (let i = 0; i < name.length; i++) {
    const upper = name[i].toUpperCase();
    result += upper.length === 1 ? upper : name[i];
  }
  if (upcased.size > 10_000) upcased.clear();
  upcased.set(name, result);
  return result;
}

/** NTFS counts 255 UTF-16 units. */
export const MAXIMUM_COMPONENT_LENGTH = 255;

const illegal = /[\x00-\x1f"*/:<>?|\\]/;

/** Whether a directory may hold this name. A colon (a stream) is refused here as well. */
export function isLegalComponent(name: string): boolean {
  return name.length > 0 && !illegal.test(name);
}
