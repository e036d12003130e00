/** Handlers made so far, as compiled modules that every memory instantiates for itself. */
import { Builder } from "../ir/builder.ts";
import { isExecuted, liftOf, type Form, type Instruction, type InstructionSpecification } from "../isa/instruction.ts";
import { bulkParameters } from "../memory/bulk.ts";
import { LARGEST_WINDOW, windowPages } from "../memory/window-size.ts";
import { ModuleBuilder } from "../wasm/module-builder.ts";
import { fromBase64, toBase64 } from "./base64.ts";
import { HandlerEmitter, type HandlerImports } from "./handler-emitter.ts";
import { deferOperands, handlerShape } from "./shape.ts";

export interface Handler {
  /** In the order in which the library got them. */
  readonly number: number;
  readonly endsBlock: boolean;
  /** The compiled module that has it, once `compile` ran. */
  module: HandlerModule | undefined;
}
export interface HandlerModule {
  /** Puts them into the dispatcher's table, in their order, from the index `first` on. */
  readonly module: WebAssembly.Module;
  readonly handlers: readonly Handler[];
}

interface Pending {
  readonly handler: Handler;
  readonly form: Form | undefined;
  readonly shape: number;
  /** Undefined: calls `execute`. */
  readonly ir: ReturnType<Builder["finish"]> | undefined;
}

/** Handlers as data: what a build makes of the instructions that are common. */
export interface SavedHandlers {
  /** The WebAssembly module, in base64. */
  readonly module: string;
  /** Three numbers for each, in order: that of its form (-1: `execute`), its shape, and 1 if it ends a block. */
  readonly handlers: readonly number[];
}

/** Depends on nothing but the instruction set and the size of the window: engines share one. */
export class HandlerLibrary {
  readonly windowSize: number;
  readonly #forms: Form[] = [];
  /** By form (undefined: `execute`) and shape. */
  readonly #handlers = new Map<Form | undefined, Map<number, Handler>>();
  #pending: Pending[] = [];
  #saved: readonly Handler[] = [];
  #count = 0;
  /** Milliseconds spent on making handlers; for the profiler view. */
  milliseconds = 0;

  /** `saved` must come from the same `specifications` and window. */
  constructor(
    specifications: readonly InstructionSpecification[],
    windowSize: number = LARGEST_WINDOW,
    saved?: SavedHandlers,
  ) {
    this.windowSize = windowSize;
    for (const { forms } of specifications) this.#forms.push(...forms);
    if (saved) this.#restore(saved);
  }

  /** Those that a build made, by their number. */
  get saved(): readonly Handler[] {
    return this.#saved;
  }
  get size(): number {
    return this.#count;
  }

  /** The handler of `instruction`; not compiled yet if it is new. */
  handler(instruction: Instruction): Handler {
    const { definition } = instruction.form.specification;
    const executed = isExecuted(instruction);
    const form = executed ? undefined : instruction.form;
    const shape = executed ? Number(definition.endsBlock === true) : handlerShape(instruction);
    const known = this.#handlers.get(form)?.get(shape);
    if (known) return known;
    const start = performance.now();
    const ir = executed ? undefined : lift(instruction);
    const handler = this.#add(form, shape, ir ? ir.control !== undefined : definition.endsBlock === true);
    this.#pending.push({ handler, form, shape, ir });
    this.milliseconds += performance.now() - start;
    return handler;
  }
  #add(form: Form | undefined, shape: number, endsBlock: boolean): Handler {
    const handler: Handler = { number: this.#count++, endsBlock, module: undefined };
    const shapes = this.#handlers.get(form);
    if (shapes) shapes.set(shape, handler);
    else this.#handlers.set(form, new Map([[shape, handler]]));
    return handler;
  }

  /** Compiles the new handlers, together. */
  compile(): void {
    if (!this.#pending.length) return;
    const start = performance.now();
    const bytes = this.#emit();
    this.#compiled(
      bytes,
      this.#pending.map(({ handler }) => handler),
    );
    this.#pending = [];
    this.milliseconds += performance.now() - start;
  }
  #compiled(bytes: Uint8Array<ArrayBuffer>, handlers: readonly Handler[]): void {
    const module: HandlerModule = { module: new WebAssembly.Module(bytes), handlers };
    for (const handler of handlers) handler.module = module;
  }
  #emit(): Uint8Array<ArrayBuffer> {
    const builder = new ModuleBuilder();
    builder.importMemory("host", "memory", windowPages(this.windowSize), windowPages(this.windowSize));
    const imports: HandlerImports = {
      slowLoad: builder.importFunction("host", "slowLoad", ["i32", "i32", "i32", "i32"], []),
      slowStore: builder.importFunction("host", "slowStore", ["i32", "i32", "i32", "i32"], []),
      raise: builder.importFunction("host", "raise", ["i32", "i32"], []),
      execute: builder.importFunction("host", "execute", ["i32"], []),
      copy: builder.importFunction("host", "copy", bulkParameters, ["i32"]),
      fill: builder.importFunction("host", "fill", bulkParameters, ["i32"]),
    };
    builder.importTable("host", "table", 0);
    const first = builder.importGlobal("host", "first", "i32", false);
    const functions = this.#pending.map(({ ir }) => {
      const { builder: f, index } = builder.function(["i32"], []);
      if (ir) new HandlerEmitter(f, imports, this.windowSize).emit(ir);
      else f.get(0).call(imports.execute);
      return index;
    });
    builder.elements(first, functions[0], functions.length);
    return builder.finish();
  }

  /** The handlers that are not compiled yet. */
  save(): SavedHandlers {
    const bytes = this.#emit();
    const numbers = new Map(this.#forms.map((form, number) => [form, number]));
    return {
      module: toBase64(bytes),
      handlers: this.#pending.flatMap(({ handler, form, shape }) => [
        form ? (numbers.get(form) ?? -1) : -1,
        shape,
        Number(handler.endsBlock),
      ]),
    };
  }
  #restore({ module, handlers: numbers }: SavedHandlers): void {
    const start = performance.now();
    const handlers: Handler[] = [];
    for (let i = 0; i < numbers.length; i += 3)
      handlers.push(this.#add(this.#forms[numbers[i]], numbers[i + 1], numbers[i + 2] === 1));
    this.#compiled(fromBase64(module), handlers);
    this.#saved = handlers;
    this.milliseconds += performance.now() - start;
  }
}

function lift(instruction: Instruction): ReturnType<Builder["finish"]> {
  const meaning = liftOf(instruction);
  if (!meaning) throw new Error("only lifted instructions have a handler of their own");
  const builder = new Builder({
    address: undefined,
    next: undefined,
    operandSize: instruction.operandSize,
    addressSize: instruction.addressSize,
    vex: instruction.form.vex !== undefined,
    inexact: false,
  });
  meaning(builder, ...deferOperands(instruction));
  return builder.finish();
}
