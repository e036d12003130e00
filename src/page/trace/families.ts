/**
 * Colour and shape of a family's dot: Okabe and Ito's palette, which colour-blind people can tell apart, with a ring
 * where two families share a colour. The values are in page.css.
 */
export interface FamilyMark {
  readonly colour: string;
  readonly ring: boolean;
}

const marks: Readonly<Record<string, FamilyMark>> = {
  File: { colour: "var(--mark-sky)", ring: false },
  Registry: { colour: "var(--mark-orange)", ring: false },
  Memory: { colour: "var(--mark-green)", ring: false },
  Section: { colour: "var(--mark-green)", ring: true },
  Process: { colour: "var(--mark-purple)", ring: false },
  Thread: { colour: "var(--mark-purple)", ring: true },
  Synchronization: { colour: "var(--mark-yellow)", ring: false },
  Object: { colour: "var(--mark-blue)", ring: false },
  Token: { colour: "var(--mark-blue)", ring: true },
  Time: { colour: "var(--mark-yellow)", ring: true },
  Information: { colour: "var(--mark-sky)", ring: true },
  Port: { colour: "var(--mark-orange)", ring: true },
  Exception: { colour: "var(--mark-vermilion)", ring: false },
};
const other: FamilyMark = { colour: "var(--mark-grey)", ring: false };

export function familyMark(family: string): FamilyMark {
  return marks[family] ?? other;
}
