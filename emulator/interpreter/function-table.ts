/** The dispatcher's table: handlers and regions, each at the index that was free when it came. Index 0 stays empty. */
import type { Handler, HandlerLibrary, HandlerModule } from "./handler-library.ts";

type HandlerHost = Record<string, CallableFunction | WebAssembly.Memory>;

/** Where the first that comes is put. */
export const FIRST_INDEX = 1;

export class FunctionTable {
  readonly #table: WebAssembly.Table;
  readonly #library: HandlerLibrary;
  readonly #imports: HandlerHost;
  #next = FIRST_INDEX;
  /** By number of the handler its index, or 0. */
  #handlers = new Int32Array(1024);
  readonly #instantiated = new Set<HandlerModule>();
  /** Milliseconds spent on instantiating handlers; for `EngineProfile`. */
  instantiateMs = 0;

  /** `imports` is what handlers import. */
  constructor(table: WebAssembly.Table, library: HandlerLibrary, imports: HandlerHost) {
    this.#table = table;
    this.#library = library;
    this.#imports = imports;
  }

  add(code: unknown): number {
    const index = this.#take(1);
    this.#table.set(index, code);
    return index;
  }
  /** The first of `count` free indices. */
  #take(count: number): number {
    const first = this.#next;
    this.#next += count;
    while (this.#next > this.#table.length) this.#table.grow(this.#table.length);
    return first;
  }
  remove(index: number): void {
    this.#table.set(index, null);
  }

  /** 0: it is not there yet. */
  indexOf(handler: Handler): number {
    return handler.number < this.#handlers.length ? this.#handlers[handler.number] : 0;
  }
  /** Makes `handlers` present. */
  install(handlers: readonly Handler[]): void {
    this.#library.compile();
    const start = performance.now();
    for (const { module } of handlers) {
      if (!module || this.#instantiated.has(module)) continue;
      this.#instantiated.add(module);
      const first = this.#take(module.handlers.length);
      new WebAssembly.Instance(module.module, { host: { ...this.#imports, table: this.#table, first } });
      module.handlers.forEach(({ number }, position) => this.#setIndex(number, first + position));
    }
    this.instantiateMs += performance.now() - start;
  }
  #setIndex(handler: number, index: number): void {
    if (handler >= this.#handlers.length) {
      const grown = new Int32Array(handler * 2);
      grown.set(this.#handlers);
      this.#handlers = grown;
    }
    this.#handlers[handler] = index;
  }
}
