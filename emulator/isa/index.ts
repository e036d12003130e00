/** All instructions. */
import * as aes from "./aes.ts";
import * as arithmetic from "./arithmetic.ts";
import * as avxPermute from "./avx-permute.ts";
import * as avxShift from "./avx-shift.ts";
import * as bit from "./bit.ts";
import * as controlTransfer from "./control-transfer.ts";
import * as dataMovement from "./data-movement.ts";
import * as fma from "./fma.ts";
import * as gather from "./gather.ts";
import * as halfPrecision from "./half-precision.ts";
import * as farTransfer from "./far-transfer.ts";
import type { InstructionSpecification } from "./instruction.ts";
import * as maskedMove from "./masked-move.ts";
import * as mmx from "./mmx.ts";
import * as multiplyDivide from "./multiply-divide.ts";
import * as processorState from "./processor-state.ts";
import * as segment from "./segment.ts";
import * as sha from "./sha.ts";
import * as shift from "./shift.ts";
import * as sse3 from "./sse3.ts";
import * as sse41 from "./sse41.ts";
import * as sse42 from "./sse42.ts";
import * as ssse3 from "./ssse3.ts";
import * as stack from "./stack.ts";
import * as string from "./string.ts";
import * as system from "./system.ts";
import * as vectorConvert from "./vector-convert.ts";
import * as vectorFloat from "./vector-float.ts";
import * as vectorInteger from "./vector-integer.ts";
import * as vectorMove from "./vector-move.ts";
import * as x87Arithmetic from "./x87-arithmetic.ts";
import * as x87Control from "./x87-control.ts";
import * as x87Transfer from "./x87-transfer.ts";

const rooms: readonly Record<string, unknown>[] = [
  aes,
  arithmetic,
  avxPermute,
  avxShift,
  bit,
  controlTransfer,
  dataMovement,
  farTransfer,
  fma,
  gather,
  halfPrecision,
  maskedMove,
  mmx,
  multiplyDivide,
  processorState,
  segment,
  sha,
  shift,
  sse3,
  sse41,
  sse42,
  ssse3,
  stack,
  string,
  system,
  vectorConvert,
  vectorFloat,
  vectorInteger,
  vectorMove,
  x87Arithmetic,
  x87Control,
  x87Transfer,
];

const isSpecification = (value: unknown): value is InstructionSpecification =>
  typeof value === "object" && value !== null && "mnemonic" in value && "forms" in value;

export const instructions: readonly InstructionSpecification[] = rooms
  .flatMap((room) => Object.values(room))
  .flat(2)
  .filter(isSpecification);
