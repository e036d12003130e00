import type { Form } from "../isa/instruction.ts";
import { Rex, type InstructionStream, type Prefixes } from "./prefixes.ts";

/** A ModRM byte with the SIB byte and the displacement that it asks for. SDM volume 2, 2.1.5. */
export class ModRm {
  byte = 0;
  isMemory = false;
  /** Of a memory operand; -1: none. */
  base = -1;
  index = -1;
  /** What stands in its place where the SIB byte names a vector register; -1: there is no SIB byte. */
  vectorIndex = -1;
  scale: 0 | 1 | 2 | 3 = 0;
  displacement = 0;
  ripRelative = false;

  /** `ignoresMod`: the form's, which all forms of its opcode share. */
  read(stream: InstructionStream, { rex }: Prefixes, ignoresMod: boolean): void {
    const byte = (this.byte = stream.u8());
    const mod = ignoresMod ? 3 : byte >> 6;
    this.isMemory = mod !== 3;
    if (mod === 3) return;
    let base = byte & 7;
    this.index = this.vectorIndex = -1;
    this.scale = 0;
    this.ripRelative = false;
    if (base === 4) {
      const sib = stream.u8();
      this.scale = (sib >> 6) as 0 | 1 | 2 | 3;
      const index = ((sib >> 3) & 7) | (rex & Rex.X ? 8 : 0);
      this.vectorIndex = index;
      if (index !== 4) this.index = index;
      base = sib & 7;
      if (base === 5 && mod === 0) base = -1;
    } else if (base === 5 && mod === 0) {
      this.ripRelative = true;
      base = -1;
    }
    this.base = base < 0 ? base : base | (rex & Rex.B ? 8 : 0);
    this.displacement = mod === 1 ? stream.s8() : mod === 2 || base < 0 ? stream.s32() : 0;
  }

  /** Whether it is one that `form` has. */
  matches(form: Form): boolean {
    if (form.fixedModrm !== undefined) return (form.stackRegister ? this.byte & 0xf8 : this.byte) === form.fixedModrm;
    if (form.extension !== undefined && form.extension !== ((this.byte >> 3) & 7)) return false;
    return form.accepts === "both" || (form.accepts === "memory") === this.isMemory;
  }
}
