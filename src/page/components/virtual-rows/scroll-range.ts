/** Browsers clip elements at 17 to 33 million pixels; longer lists scroll through a shorter range. */
export const longestElement = 12_000_000;

/** How a list's own offsets (pixels from the first row) stand to the scroll bar's. */
export interface ScrollRange {
  /** Height of the element that makes the scroll bar. */
  readonly element: number;
  readonly last: number;
  readonly lastScroll: number;
}

export function scrollRange(count: number, rowHeight: number, viewport: number): ScrollRange {
  const height = count * rowHeight;
  const element = Math.min(height, longestElement);
  return { element, last: Math.max(0, height - viewport), lastScroll: Math.max(0, element - viewport) };
}

export function toScroll(range: ScrollRange, offset: number): number {
  return range.last === range.lastScroll ? offset : (offset / range.last) * range.lastScroll;
}

/** Small movements of the scroll bar are taken as they are, so that a wheel moves by rows; large ones in proportion. */
export function toOffset(range: ScrollRange, scroll: number, before: { offset: number; scroll: number }): number {
  if (range.last === range.lastScroll) return scroll;
  if (scroll <= 0) return 0;
  if (scroll >= range.lastScroll) return range.last;
  const moved = scroll - before.scroll;
  const offset = Math.abs(moved) < 1_000 ? before.offset + moved : (scroll / range.lastScroll) * range.last;
  return Math.max(0, Math.min(offset, range.last));
}
