/** Handlers made so far, as compiled modules that every memory instantiates for itself. */
import { Builder } from "../ir/builder.ts";
import { isExecuted, type Form, type Instruction } from "../isa/instruction.ts";
import { ModuleBuilder } from "../wasm/module-builder.ts";
import { HandlerEmitter, type HandlerImports } from "./handler-emitter.ts";
import { deferOperands, handlerKey } from "./shape.ts";

export interface Handler {
  /** Index in the dispatcher's table. */
  readonly index: number;
  readonly endsBlock: boolean;
  /** The compiled module that has it, once `compile` ran. */
  module: HandlerModule | undefined;
}
export interface HandlerModule {
  readonly module: WebAssembly.Module;
  /** Handlers in the order of the exports h0, h1, … */
  readonly handlers: readonly Handler[];
}

interface Pending {
  readonly handler: Handler;
  readonly ir: ReturnType<Builder["finish"]> | undefined;
}

export class HandlerLibrary {
  readonly #handlers = new Map<string, Handler>();
  readonly #formNumbers = new Map<Form, number>();
  #pending: Pending[] = [];
  #count = 0;
  /** Milliseconds spent on making handlers; for the profiler view. */
  milliseconds = 0;
  modules = 0;

  get size(): number {
    return this.#count;
  }

  /** The handler of `instruction`; not compiled yet if it is new. */
  handler(instruction: Instruction): Handler {
    const { form } = instruction;
    const executed = isExecuted(instruction);
    let key: string;
    if (executed) key = form.specification.definition.endsBlock ? "execute and end" : "execute";
    else {
      let number = this.#formNumbers.get(form);
      if (number === undefined) this.#formNumbers.set(form, (number = this.#formNumbers.size));
      key = handlerKey(instruction, number);
    }
    const known = this.#handlers.get(key);
    if (known) return known;
    const start = performance.now();
    const ir = executed ? undefined : lift(instruction);
    const endsBlock = ir ? ir.control !== undefined : form.specification.definition.endsBlock === true;
    // Index 0 of the table stays empty.
    const handler: Handler = { index: ++this.#count, endsBlock, module: undefined };
    this.#handlers.set(key, handler);
    this.#pending.push({ handler, ir });
    this.milliseconds += performance.now() - start;
    return handler;
  }

  /** Compiles the new handlers, together. */
  compile(): void {
    if (!this.#pending.length) return;
    const start = performance.now();
    const builder = new ModuleBuilder();
    builder.importMemory("host", "memory", 0x1_0000, 0x1_0000);
    const imports: HandlerImports = {
      slowLoad: builder.importFunction("host", "slowLoad", ["i32", "i32", "i32", "i32"], []),
      slowStore: builder.importFunction("host", "slowStore", ["i32", "i32", "i32", "i32"], []),
      raise: builder.importFunction("host", "raise", ["i32", "i32"], []),
      execute: builder.importFunction("host", "execute", ["i32"], []),
    };
    this.#pending.forEach(({ ir }, index) => {
      const f = builder.function(["i32"], [], `h${index}`).builder;
      if (ir) new HandlerEmitter(f, imports).emit(ir);
      else f.get(0).call(imports.execute);
    });
    const handlers = this.#pending.map(({ handler }) => handler);
    const module: HandlerModule = { module: new WebAssembly.Module(builder.finish()), handlers };
    for (const handler of handlers) handler.module = module;
    this.#pending = [];
    this.modules++;
    this.milliseconds += performance.now() - start;
  }
}

function lift(instruction: Instruction): ReturnType<Builder["finish"]> {
  const { definition } = instruction.form.specification;
  if (!definition.lift) throw new Error("only lifted instructions have a handler of their own");
  const builder = new Builder({
    address: undefined,
    next: undefined,
    operandSize: instruction.operandSize,
    addressSize: instruction.addressSize,
  });
  definition.lift(builder, ...deferOperands(instruction));
  return builder.finish();
}
