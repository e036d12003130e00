import { PAGE_SIZE, type AddressSpaceImage } from "../cpu.ts";
import { PageFlag, PROTECTION_MASK } from "./page-table.ts";
import type { SharedView, WindowSpace } from "./window-space.ts";

type Run = AddressSpaceImage["runs"][number];

interface PageRange {
  readonly first: number;
  end: number;
  readonly protection: number;
  readonly held: boolean;
  readonly view: SharedView | undefined;
}

/** Pages alike and next to each other make a run. Pages that hold nothing but zeroes because they were never touched cost nothing: their run has a size and no bytes. */
export function saveRuns(space: WindowSpace): Run[] {
  const ranges: PageRange[] = [];
  let last: PageRange | undefined;
  space.pages.forEachMapped((page, flags) => {
    const protection = flags & PROTECTION_MASK;
    const held = space.holdsBytes(page);
    const view = flags & PageFlag.Shared ? space.sharedView(page) : undefined;
    const follows =
      last?.end === page &&
      last.protection === protection &&
      last.held === held &&
      last.view?.pages === view?.pages &&
      (!last.view || !view || view.offset - last.view.offset === (page - last.first) * PAGE_SIZE);
    if (last && follows) last.end = page + 1;
    else ranges.push((last = { first: page, end: page + 1, protection, held, view }));
  });
  return ranges.map(({ first, end, protection, held, view }) => {
    const address = first * PAGE_SIZE;
    const size = (end - first) * PAGE_SIZE;
    const common = { address, size, protection };
    if (view) return { ...common, bytes: new Uint8Array(0), shared: view.pages, sharedOffset: view.offset };
    return { ...common, bytes: held ? space.peek(address, size) : new Uint8Array(0) };
  });
}
