/**
 * The notation in which an instruction's encodings are written: the SDM's (volume 2, 3.1.1.1), an operand list at the end.
 *
 *     01 /r rm,r           66 0F 6F /r xmm,xmm/m128     d64 50+r ro        D9 C0+i st(i)       VEX.256.66.0F.WIG 58 /r ymm,ymm.v,ymm/m256
 *     83 /0 ib rm,simm8    F3 0F 10 /r xmm,m32          F3 48 no: REX.W    D9 FA               0F 01 D0
 *
 * Encoding tokens
 * - `NP` no mandatory prefix (66, F2 and F3 make it another instruction); `66`, `F2`, `F3` mandatory prefix. Without any of them 66 selects the
 *   operand size, and F2 and F3 are REP or ignored.
 * - `NFx` only without F2 and F3; 66 selects the operand size.
 * - `REX.!B` only without that bit.
 * - `o16`, `o32`, `o64` only with that operand size; `REX.W`/`W0` only with that bit, where the operand size does not matter;
 *   `d64` operand size is 64 unless 66 makes it 16; `f64` operand size is always 64. `a32` needs the address size prefix.
 * - opcode bytes; `+r` register in the low three bits. A byte after the opcode is a fixed ModRM byte, `+i` with ST(i) in its low three bits.
 * - `/r` ModRM; `/0`–`/7` ModRM with that reg field.
 * - `ib` `iw` `id` `io` immediates of 8 to 64 bits; `iz` 16 or 32 by operand size; `iv` 16, 32 or 64; `cb` `cd` relative targets; `moffs` an address; `is4` a register in
 *   the upper four bits of an immediate byte.
 *
 * Operands (widths in bits; without one it is the operand size)
 * - `rm` `rm8` … ModRM.rm, register or memory; `r` `r32` … ModRM.reg; `ro` `ro8` register in the opcode; `rv` `rv32` VEX.vvvv; `rmr` `rmr32` ModRM.rm that must be a register
 * - `m` `m8` … `m128`, ModRM.rm that must be memory; `mem` memory without a width
 * - `m8:rSI` `m:rDI` `m8:rBX` memory at that register (by address size); RSI and RBX take a segment prefix
 * - `xmm.x` `ymm.x` the index in the SIB byte that the memory operand has: a vector of them (VSIB)
 * - `xmm` `ymm` `mm` ModRM.reg; `xmm/m64` … ModRM.rm; `xmm.rm` that must be a register; `xmm.v` VEX.vvvv; `xmm.is4`; `xmm.0` XMM0
 * - `st(i)`, `st(0)`; `sreg` segment register, `cr` `dr`
 * - `AL` `AX` `EAX` `RAX` `CL` `DX` … registers, `rAX` RAX by operand size
 * - `imm8` `imm16` `imm32` `imm64` `imm` zero-extended or of operand size, `simm8` `simm` sign-extended to the operand size; `rel`; `moffs` `moffs8`; `1`
 */
import type { RegisterFile } from "./operand.ts";

export type Width = number | "operand";

export type OperandForm =
  | { readonly kind: "rm"; readonly file: RegisterFile; readonly width: Width; readonly memoryWidth: Width; readonly accepts: "register" | "memory" | "both" }
  | { readonly kind: "reg" | "opcode" | "vvvv" | "is4" | "vectorIndex"; readonly file: RegisterFile; readonly width: Width }
  | { readonly kind: "fixed"; readonly file: RegisterFile; readonly register: number; readonly width: Width }
  | { readonly kind: "implicitMemory"; readonly base: number; readonly segmented: boolean; readonly width: Width }
  | { readonly kind: "immediate"; readonly width: Width; readonly signed: boolean }
  | { readonly kind: "one" }
  | { readonly kind: "relative" }
  | { readonly kind: "moffs"; readonly width: Width }; // prettier-ignore

export type ImmediateEncoding = "ib" | "iw" | "id" | "io" | "iz" | "iv" | "cb" | "cd" | "moffs" | "is4";
export type OpcodeMap = "" | "0F" | "0F38" | "0F3A";
export type MandatoryPrefix = "NP" | "66" | "F2" | "F3";

export interface EncodingForm {
  readonly text: string;
  readonly map: OpcodeMap;
  readonly opcode: number;
  readonly registerInOpcode: boolean;
  readonly mandatory: MandatoryPrefix | undefined;
  readonly vex: { readonly length: 128 | 256 | undefined; readonly w: 0 | 1 | undefined } | undefined;
  readonly rexW: 0 | 1 | undefined;
  readonly withoutRexB: boolean;
  readonly withoutRepeat: boolean;
  readonly operandSize: 16 | 32 | 64 | "default64" | "force64" | undefined;
  readonly addressSize: 32 | undefined;
  readonly modrm: boolean;
  /** The reg field that selects this form. */
  readonly extension: number | undefined;
  /** A whole ModRM byte that selects this form (its low three bits are free if `stackRegister`). */
  readonly fixedModrm: number | undefined;
  readonly stackRegister: boolean;
  readonly accepts: "register" | "memory" | "both";
  /** It names a register whatever its mod field says: MOV of control and debug registers. SDM volume 2, MOV. */
  readonly ignoresMod: boolean;
  /** Its memory operand has a SIB byte with a vector register as index, which is an operand of its own. SDM volume 2, 2.3.12. */
  readonly vsib: boolean;
  readonly immediates: readonly ImmediateEncoding[];
  readonly operands: readonly OperandForm[];
}

const encodingToken =
  /^(NP|NFx|66|F2|F3|REX\.W|REX\.!B|W0|o16|o32|o64|d64|f64|a32|[0-9A-F]{2}(\+r|\+i)?|\/r|\/[0-7]|ib|iw|id|io|iz|iv|cb|cd|moffs|is4|VEX\..*)$/;

export function parseForm(text: string): EncodingForm {
  const tokens = text.split(/\s+/);
  const last = tokens.at(-1) ?? "";
  // A lone "moffs" is never the operand list: such forms have two operands.
  const operands = encodingToken.test(last) ? [] : (tokens.pop() ?? "").split(",").map(parseOperand);
  const form = {
    text,
    map: "" as OpcodeMap,
    opcode: -1,
    registerInOpcode: false,
    mandatory: undefined as MandatoryPrefix | undefined,
    vex: undefined as EncodingForm["vex"],
    rexW: undefined as 0 | 1 | undefined,
    withoutRexB: false,
    withoutRepeat: false,
    operandSize: undefined as EncodingForm["operandSize"],
    addressSize: undefined as 32 | undefined,
    modrm: false,
    extension: undefined as number | undefined,
    fixedModrm: undefined as number | undefined,
    stackRegister: false,
    accepts: "both" as EncodingForm["accepts"],
    ignoresMod: operands.some((operand) => "file" in operand && /^(control|debug)$/.test(operand.file)),
    vsib: operands.some(({ kind }) => kind === "vectorIndex"),
    immediates: [] as ImmediateEncoding[],
    operands,
  };
  for (const token of tokens) {
    if (!encodingToken.test(token)) throw new Error(`${token} in ${text}`);
    if (token.startsWith("VEX.")) parseVex(token, form);
    else if (token === "NP") form.mandatory = "NP";
    else if (form.opcode < 0 && !form.map && (token === "66" || token === "F2" || token === "F3"))
      form.mandatory = token;
    else if (token === "REX.W") form.rexW = 1;
    else if (token === "W0") form.rexW = 0;
    else if (token === "NFx") form.withoutRepeat = true;
    else if (token === "REX.!B") form.withoutRexB = true;
    else if (token === "a32") form.addressSize = 32;
    else if (token === "d64") form.operandSize = "default64";
    else if (token === "f64") form.operandSize = "force64";
    else if (/^o\d\d$/.test(token)) form.operandSize = Number(token.slice(1)) as 16 | 32 | 64;
    else if (token === "/r") form.modrm = true;
    else if (token.startsWith("/")) {
      form.modrm = true;
      form.extension = Number(token.slice(1));
    } else if (/^[0-9A-F]{2}/.test(token)) parseOpcodeByte(token, form);
    else form.immediates.push(token as ImmediateEncoding);
  }
  if (form.opcode < 0) throw new Error(`no opcode in ${text}`);
  for (const operand of operands)
    if (operand.kind === "rm" && operand.accepts !== "both") form.accepts = operand.accepts;
  return form;
}

interface OpcodeState {
  map: OpcodeMap;
  opcode: number;
  registerInOpcode: boolean;
  modrm: boolean;
  fixedModrm: number | undefined;
  stackRegister: boolean;
  vex: EncodingForm["vex"];
  mandatory: MandatoryPrefix | undefined;
}

function parseOpcodeByte(token: string, form: OpcodeState): void {
  const byte = parseInt(token.slice(0, 2), 16);
  if (form.opcode >= 0) {
    form.modrm = true;
    form.fixedModrm = byte;
    form.stackRegister = token.endsWith("+i");
  } else if (!form.vex && form.map === "" && token === "0F") form.map = "0F";
  else if (!form.vex && form.map === "0F" && token === "38") form.map = "0F38";
  else if (!form.vex && form.map === "0F" && token === "3A") form.map = "0F3A";
  else {
    form.opcode = byte;
    form.registerInOpcode = token.endsWith("+r");
  }
}

/** VEX.128|256|LIG|LZ.NP|66|F2|F3.0F|0F38|0F3A.W0|W1|WIG */
function parseVex(token: string, form: OpcodeState): void {
  const [, length, prefix, map, w] = token.split(".");
  form.vex = {
    length: length === "256" ? 256 : length === "128" || length === "LZ" ? 128 : undefined,
    w: w === "W0" ? 0 : w === "W1" ? 1 : undefined,
  };
  form.mandatory = prefix as MandatoryPrefix;
  form.map = map as OpcodeMap;
}

const generalNames: Record<string, [number, Width]> = {
  AL: [0, 8], CL: [1, 8], AX: [0, 16], DX: [2, 16], EAX: [0, 32], ECX: [1, 32], EDX: [2, 32], RAX: [0, 64], RCX: [1, 64], RDX: [2, 64], rAX: [0, "operand"],
}; // prettier-ignore
const implicitBases: Record<string, number> = { rBX: 3, rSI: 6, rDI: 7 };
const vectorFiles: Record<string, [RegisterFile, number]> = { xmm: ["xmm", 128], ymm: ["xmm", 256], mm: ["mmx", 64] };

const width = (digits: string | undefined): Width => (digits ? Number(digits) : "operand");

function parseOperand(token: string): OperandForm {
  const general = generalNames[token];
  if (general) return { kind: "fixed", file: "gpr", register: general[0], width: general[1] };
  let match = /^(rm|rmr|r|ro|rv)(\d+)?$/.exec(token);
  if (match) {
    const bits = width(match[2]);
    switch (match[1]) {
      case "rm":
      case "rmr":
        return { kind: "rm", file: "gpr", width: bits, memoryWidth: bits, accepts: match[1] === "rm" ? "both" : "register" }; // prettier-ignore
      case "ro":
        return { kind: "opcode", file: "gpr", width: bits };
      case "rv":
        return { kind: "vvvv", file: "gpr", width: bits };
      default:
        return { kind: "reg", file: "gpr", width: bits };
    }
  }
  match = /^r(\d+)\/m(\d+)$/.exec(token);
  if (match)
    return { kind: "rm", file: "gpr", width: Number(match[1]), memoryWidth: Number(match[2]), accepts: "both" };
  match = /^r\/m(\d+)$/.exec(token);
  if (match) return { kind: "rm", file: "gpr", width: "operand", memoryWidth: Number(match[1]), accepts: "both" };
  match = /^m(\d*):(r[A-Z]+)$/.exec(token);
  if (match) {
    const base = implicitBases[match[2]];
    return { kind: "implicitMemory", base, segmented: base !== 7, width: width(match[1]) };
  }
  match = /^m(\d+)?$/.exec(token);
  if (match)
    return { kind: "rm", file: "gpr", width: width(match[1]), memoryWidth: width(match[1]), accepts: "memory" };
  if (token === "mem") return { kind: "rm", file: "gpr", width: 0, memoryWidth: 0, accepts: "memory" };
  match = /^([xy]?mm)(?:\/m(\d+)|\.(rm|v|is4|x|0))?$/.exec(token);
  if (match) {
    const [file, bits] = vectorFiles[match[1]];
    if (match[2]) return { kind: "rm", file, width: bits, memoryWidth: Number(match[2]), accepts: "both" };
    if (match[3] === "rm") return { kind: "rm", file, width: bits, memoryWidth: bits, accepts: "register" };
    if (match[3] === "v") return { kind: "vvvv", file, width: bits };
    if (match[3] === "x") return { kind: "vectorIndex", file, width: bits };
    if (match[3] === "is4") return { kind: "is4", file, width: bits };
    if (match[3] === "0") return { kind: "fixed", file, register: 0, width: bits };
    return { kind: "reg", file, width: bits };
  }
  match = /^(s?)imm(\d+)?$/.exec(token);
  if (match) {
    const signed = match[1] === "s";
    return { kind: "immediate", width: signed ? "operand" : width(match[2]), signed };
  }
  match = /^moffs(\d+)?$/.exec(token);
  if (match) return { kind: "moffs", width: width(match[1]) };
  switch (token) {
    case "1":
      return { kind: "one" };
    case "rel":
      return { kind: "relative" };
    case "st(i)":
      return { kind: "rm", file: "st", width: 80, memoryWidth: 80, accepts: "register" };
    case "st(0)":
      return { kind: "fixed", file: "st", register: 0, width: 80 };
    case "sreg":
      return { kind: "reg", file: "segment", width: 16 };
    case "cr":
      return { kind: "reg", file: "control", width: 64 };
    case "dr":
      return { kind: "reg", file: "debug", width: 64 };
    default:
      throw new Error(`operand ${token}`);
  }
}
