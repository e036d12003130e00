import { ByteWriter } from "./byte-writer.ts";
import { FunctionBuilder, valueTypeCodes } from "./function-builder.ts";
import type { ValueType } from "./opcodes.ts";

/** A WebAssembly module under construction. Imports are declared before the first function. */
export class ModuleBuilder {
  readonly #types: string[] = [];
  readonly #typeBytes = new ByteWriter();
  readonly #imports = new ByteWriter();
  #importCount = 0;
  #importedFunctions = 0;
  #importedGlobals = 0;
  readonly #functions: { builder: FunctionBuilder; type: number }[] = [];
  readonly #exports = new ByteWriter();
  #exportCount = 0;
  readonly #globals = new ByteWriter();
  #globalCount = 0;
  #table: { initial: number; maximum: number } | undefined;
  readonly #elements = new ByteWriter();
  #elementCount = 0;

  type(params: readonly ValueType[], results: readonly ValueType[]): number {
    const key = `${params.join()}>${results.join()}`;
    const known = this.#types.indexOf(key);
    if (known >= 0) return known;
    this.#typeBytes.u8(0x60);
    for (const list of [params, results]) {
      this.#typeBytes.unsigned(list.length);
      for (const type of list) this.#typeBytes.u8(valueTypeCodes[type]);
    }
    return this.#types.push(key) - 1;
  }

  #import(module: string, name: string, kind: number): void {
    this.#importCount++;
    this.#imports.name(module);
    this.#imports.name(name);
    this.#imports.u8(kind);
  }
  /** Index of the imported function. */
  importFunction(module: string, name: string, params: readonly ValueType[], results: readonly ValueType[]): number {
    if (this.#functions.length) throw new Error("imports come before functions");
    const type = this.type(params, results);
    this.#import(module, name, 0);
    this.#imports.unsigned(type);
    return this.#importedFunctions++;
  }
  /** Sizes in pages of 64 KiB, as the memory that will be given has them at least and at most. */
  importMemory(module: string, name: string, initial: number, maximum: number): void {
    this.#import(module, name, 2);
    this.#imports.u8(1);
    this.#imports.unsigned(initial);
    this.#imports.unsigned(maximum);
  }
  importTable(module: string, name: string, initial: number): void {
    this.#import(module, name, 1);
    this.#imports.bytes([0x70, 0]);
    this.#imports.unsigned(initial);
  }
  importGlobal(module: string, name: string, type: ValueType, mutable: boolean): number {
    this.#import(module, name, 3);
    this.#imports.bytes([valueTypeCodes[type], mutable ? 1 : 0]);
    return this.#importedGlobals++;
  }
  /** The module's own table of functions. */
  table(initial: number, maximum: number): void {
    this.#table = { initial, maximum };
  }
  /** At instantiation, `count` functions from `first` on are put into table 0, from the index that the imported global `at` holds. */
  elements(at: number, first: number, count: number): void {
    this.#elementCount++;
    this.#elements.bytes([0, 0x23]);
    this.#elements.unsigned(at);
    this.#elements.u8(0x0b);
    this.#elements.unsigned(count);
    for (let index = first; index < first + count; index++) this.#elements.unsigned(index);
  }
  /** A mutable i32 or i64 global, 0 at first. */
  global(type: "i32" | "i64"): number {
    this.#globals.bytes([valueTypeCodes[type], 1, type === "i32" ? 0x41 : 0x42, 0, 0x0b]);
    return this.#importedGlobals + this.#globalCount++;
  }
  /** Adds a function, exported when it has a name. Its code may be written until `finish`. */
  function(
    params: readonly ValueType[],
    results: readonly ValueType[],
    exportName?: string,
  ): { readonly builder: FunctionBuilder; readonly index: number } {
    const builder = new FunctionBuilder(params, results);
    const index = this.#importedFunctions + this.#functions.push({ builder, type: this.type(params, results) }) - 1;
    if (exportName !== undefined) this.#export(exportName, 0, index);
    return { builder, index };
  }
  exportTable(name: string): void {
    this.#export(name, 1, 0);
  }
  #export(name: string, kind: number, index: number): void {
    this.#exportCount++;
    this.#exports.name(name);
    this.#exports.u8(kind);
    this.#exports.unsigned(index);
  }

  finish(): Uint8Array<ArrayBuffer> {
    const out = new ByteWriter();
    out.bytes([0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);
    const section = (id: number, count: number, content: ByteWriter): void => {
      if (!count) return;
      const whole = new ByteWriter();
      whole.unsigned(count);
      whole.bytes(content.view());
      out.u8(id);
      out.sized(whole);
    };
    const declarations = new ByteWriter();
    const bodies = new ByteWriter();
    const hints = new ByteWriter();
    let hinted = 0;
    this.#functions.forEach(({ builder, type }, index) => {
      declarations.unsigned(type);
      bodies.sized(builder.body());
      const branchHints = builder.branchHints();
      if (!branchHints) return;
      hinted++;
      hints.unsigned(this.#importedFunctions + index);
      hints.bytes(branchHints.view());
    });
    section(1, this.#types.length, this.#typeBytes);
    section(2, this.#importCount, this.#imports);
    section(3, this.#functions.length, declarations);
    if (this.#table) {
      const table = new ByteWriter();
      table.bytes([0x70, 1]);
      table.unsigned(this.#table.initial);
      table.unsigned(this.#table.maximum);
      section(4, 1, table);
    }
    section(6, this.#globalCount, this.#globals);
    section(7, this.#exportCount, this.#exports);
    section(9, this.#elementCount, this.#elements);
    if (hinted) {
      const custom = new ByteWriter();
      custom.name("metadata.code.branch_hint");
      custom.unsigned(hinted);
      custom.bytes(hints.view());
      out.u8(0);
      out.sized(custom);
    }
    section(10, this.#functions.length, bodies);
    return out.view().slice();
  }
}
