/** What a 64-bit Windows process reads from ES, CS, SS, DS, FS, GS. */
export const selectors = [0x2b, 0x33, 0x2b, 0x2b, 0x53, 0x2b] as const;
