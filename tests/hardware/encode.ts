/** Bytes of an instruction of a form: registers as given, or memory at [RBX + displacement]. */
import type { EncodingForm, OperandForm } from "../../emulator/isa/form.ts";
import type { Random } from "./random.ts";

export interface Encoding {
  readonly bytes: Uint8Array;
  readonly usesMemory: boolean;
}

const RBX = 3;
const RSP = 4;
const immediateBytes = { ib: 1, cb: 1, is4: 1, iw: 2, id: 4, cd: 4, io: 8, moffs: 8 } as const;

const hasOperand = (form: EncodingForm, kind: OperandForm["kind"]): boolean =>
  form.operands.some((operand) => operand.kind === kind);

/** A general register that the tests may change: not RSP, not the base of memory operands. */
function generalRegister(random: Random): number {
  for (;;) {
    const register = random.below(16);
    if (register !== RSP && register !== RBX) return register;
  }
}

/** Undefined where the form has operands that this does not encode. */
export function encode(
  form: EncodingForm,
  random: Random,
  displacement: number,
  memory: boolean,
): Encoding | undefined {
  const rmOperand = form.operands.find((operand) => operand.kind === "rm");
  const accepts = rmOperand?.kind === "rm" ? rmOperand.accepts : "register";
  if (hasOperand(form, "implicitMemory") || hasOperand(form, "moffs") || hasOperand(form, "relative")) return undefined;
  if (form.addressSize || (memory ? accepts === "register" : accepts === "memory")) return undefined;
  if (memory && form.fixedModrm !== undefined) return undefined;
  const size =
    typeof form.operandSize === "number"
      ? form.operandSize
      : form.operandSize === undefined
        ? random.pick([16, 32, 64] as const)
        : 64;
  const reg = form.extension ?? (fileOf(form, "reg") === "gpr" ? generalRegister(random) : random.below(16));
  const rm = memory
    ? RBX
    : rmOperand?.kind === "rm" && rmOperand.file !== "gpr"
      ? random.below(16)
      : generalRegister(random);
  const bytes: number[] = [];
  const w = form.rexW ?? (form.mandatory ? random.below(2) : size === 64 ? 1 : 0);
  if (form.vex) {
    const vvvv = hasOperand(form, "vvvv") ? (vvvvFile(form) === "gpr" ? generalRegister(random) : random.below(16)) : 0;
    const length = form.vex.length === 256 ? 1 : form.vex.length === 128 ? 0 : random.below(2);
    const map = { "": 0, "0F": 1, "0F38": 2, "0F3A": 3 }[form.map];
    const pp = { NP: 0, "66": 1, F3: 2, F2: 3 }[form.mandatory ?? "NP"];
    bytes.push(0xc4, (reg > 7 ? 0 : 0x80) | 0x40 | (rm > 7 ? 0 : 0x20) | map);
    bytes.push(((form.vex.w ?? random.below(2)) << 7) | ((~vvvv & 15) << 3) | (length << 2) | pp);
  } else {
    if (form.mandatory === "66" || (form.mandatory === undefined && size === 16)) bytes.push(0x66);
    if (form.mandatory === "F2" || form.mandatory === "F3") bytes.push(parseInt(form.mandatory, 16));
    let rex = 0x40 | (w << 3);
    if (form.modrm && form.extension === undefined && reg > 7) rex |= 4;
    if (rm > 7) rex |= 1;
    if (form.withoutRexB) rex &= ~1;
    if (form.rexW === 0 && rex & 8) rex &= ~8;
    if (rex !== 0x40 || random.below(2)) bytes.push(rex);
    if (form.map !== "") bytes.push(0x0f);
    if (form.map === "0F38") bytes.push(0x38);
    if (form.map === "0F3A") bytes.push(0x3a);
  }
  bytes.push(form.opcode + (form.registerInOpcode ? rm & 7 : 0));
  if (form.fixedModrm !== undefined) bytes.push(form.fixedModrm + (form.stackRegister ? rm & 7 : 0));
  else if (form.modrm && memory) bytes.push(0x40 | ((reg & 7) << 3) | RBX, displacement & 0xff);
  else if (form.modrm) bytes.push(0xc0 | ((reg & 7) << 3) | (rm & 7));
  for (const encoding of form.immediates) {
    const count = encoding === "iz" ? (size === 16 ? 2 : 4) : encoding === "iv" ? size / 8 : immediateBytes[encoding];
    const value = random.bits(64);
    for (let i = 0; i < count; i++) bytes.push(Number((value >> BigInt(i * 8)) & 0xffn));
  }
  return { bytes: Uint8Array.from(bytes), usesMemory: memory };
}

function fileOf(form: EncodingForm, kind: "reg"): string | undefined {
  const operand = form.operands.find((one) => one.kind === kind);
  return operand && "file" in operand ? operand.file : undefined;
}
function vvvvFile(form: EncodingForm): string | undefined {
  const operand = form.operands.find((one) => one.kind === "vvvv");
  return operand && "file" in operand ? operand.file : undefined;
}
