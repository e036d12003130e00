/** The size of a window: the low bits of an address that say where its page lies. */
import type { FunctionBuilder } from "../wasm/function-builder.ts";

/** Bytes. Powers of two. */
export const LARGEST_WINDOW = 0x1_0000_0000;
export const SMALLEST_WINDOW = 0x2000_0000;

const WASM_PAGE = 0x1_0000;

/** Where a window is that was set aside ahead of its use, for all copies of this module: what starts the command line is built by itself. */
const AHEAD = Symbol.for("ring3.window");
const registry = globalThis as { [AHEAD]?: WebAssembly.Memory | undefined };

export const windowPages = (size: number): number => size / WASM_PAGE;

/** A memory of `size` bytes, all of them address space that the host sets aside and nothing else yet. Throws RangeError when it cannot. */
export function reserveWindow(size = LARGEST_WINDOW): WebAssembly.Memory {
  const ahead = size === LARGEST_WINDOW ? registry[AHEAD] : undefined;
  if (!ahead) return new WebAssembly.Memory({ initial: windowPages(size), maximum: windowPages(size) });
  registry[AHEAD] = undefined;
  return ahead;
}

/**
 * Sets aside what the next largest window will take. V8 collects the garbage of its whole heap when it gives so large a memory: 3 ms where nothing
 * is loaded yet, 12 where the engine is, so a host does it first of all, or while nobody waits.
 */
export function reserveAhead(): void {
  try {
    registry[AHEAD] ??= reserveWindow();
  } catch (error) {
    // Whoever takes a window will ask for smaller ones.
    if (!(error instanceof RangeError)) throw error;
  }
}

/** The largest memory of at most `size` bytes that the host can give. Throws RangeError when it cannot give the smallest, or `size` is none. */
export function reserveLargest(size: number): WebAssembly.Memory {
  if (!(size >= SMALLEST_WINDOW && size <= LARGEST_WINDOW && Number.isInteger(Math.log2(size))))
    throw new RangeError(`an address space cannot take ${size} bytes: a power of two from 512 MiB to 4 GiB`);
  for (; size > SMALLEST_WINDOW; size /= 2)
    try {
      return reserveWindow(size);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
    }
  return reserveWindow(size);
}

/** Pushes where the guest address in `local` lies in a window of `size` bytes. */
export function pushOffset(f: FunctionBuilder, local: number, size: number): void {
  f.get(local).op("i32.wrap_i64");
  if (size < LARGEST_WINDOW) f.i32(size - 1).op("i32.and");
}
