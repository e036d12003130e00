/** Index of the first element of `sorted` for which `isBehind` holds, as it then does for all that follow; its length where there is none. */
export function firstIndex<T>(sorted: readonly T[], isBehind: (element: T) => boolean): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isBehind(sorted[middle])) high = middle;
    else low = middle + 1;
  }
  return low;
}
