/** The dispatcher's table: handlers and regions, each at the index that was free when it came. Index 0 stays empty. */
import type { Handler, HandlerLibrary, HandlerModule } from "./handler-library.ts";

type HandlerHost = Record<string, CallableFunction | WebAssembly.Memory>;

export class FunctionTable {
  readonly #table: WebAssembly.Table;
  readonly #library: HandlerLibrary;
  readonly #imports: HandlerHost;
  #next = 1;
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
    const index = this.#next++;
    if (index >= this.#table.length) this.#table.grow(this.#table.length);
    this.#table.set(index, code);
    return index;
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
      const { exports } = new WebAssembly.Instance(module.module, { host: this.#imports });
      module.handlers.forEach(({ number }, position) => {
        if (number >= this.#handlers.length) {
          const grown = new Int32Array(number * 2);
          grown.set(this.#handlers);
          this.#handlers = grown;
        }
        this.#handlers[number] = this.add(exports[`h${position}`]);
      });
    }
    this.instantiateMs += performance.now() - start;
  }
}
