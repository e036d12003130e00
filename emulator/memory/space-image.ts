import { PAGE_SIZE, type AddressSpaceImage, type PageContents } from "../cpu.ts";
import { PageFlag, PROTECTION_MASK } from "./page-table.ts";
import type { SharedView, WindowSpace } from "./window-space.ts";

type Run = AddressSpaceImage["runs"][number];

interface PageRange {
  readonly first: number;
  end: number;
  readonly protection: number;
  /** Of each page; undefined: zeroes. */
  readonly contents: PageContents[] | undefined;
  readonly view: SharedView | undefined;
}

/** Pages alike and next to each other make a run. Pages that hold nothing but zeroes because they were never touched cost nothing: their run has a size and no pages. */
export function saveRuns(space: WindowSpace): Run[] {
  const ranges: PageRange[] = [];
  let last: PageRange | undefined;
  space.pages.forEachMapped((page, flags) => {
    const protection = flags & PROTECTION_MASK;
    const view = flags & PageFlag.Shared ? space.sharedView(page) : undefined;
    const contents = view ? undefined : space.savedPage(page);
    const follows =
      last?.end === page &&
      last.protection === protection &&
      (last.contents === undefined) === (contents === undefined) &&
      last.view?.pages === view?.pages &&
      (!last.view || !view || view.offset - last.view.offset === (page - last.first) * PAGE_SIZE);
    if (last && follows) last.end = page + 1;
    else ranges.push((last = { first: page, end: page + 1, protection, contents: contents && [], view }));
    if (contents) last.contents?.push(contents);
  });
  return ranges.map(({ first, end, protection, contents, view }) => ({
    address: first * PAGE_SIZE,
    size: (end - first) * PAGE_SIZE,
    protection,
    ...(contents && { pages: contents }),
    ...(view && { shared: view.pages, sharedOffset: view.offset }),
  }));
}
