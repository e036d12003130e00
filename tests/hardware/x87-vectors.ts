/** The x87 operations' cases from a seed; what hardware made of them is recorded in `x87-outcomes.bin`. */
import { runOnHardware } from "./hardware.ts";
import { Random } from "./random.ts";
import { newState, WINDOW_ADDRESS, type HardwareCase, type HardwareOutcome } from "./state.ts";
import { makeCase, x87Operations } from "./x87-operations.ts";
import type { X87Case, X87Operation, X87Outcome } from "./x87-operations.ts";

export const RECORDED_CASES = 200;
const SEED = 87;
/** Result, second result, status word. */
const OUTCOME_SIZE = 22;
const RBX = 3;
const STATUS_BUT_TOP = 0x477f;

export function casesOf(operation: X87Operation, count: number, seed = SEED): X87Case[] {
  const random = new Random(seed + x87Operations.indexOf(operation));
  return Array.from({ length: count }, () => makeCase(operation, random));
}

function toHardware(operation: X87Operation, one: X87Case): HardwareCase {
  const state = newState();
  const view = new DataView(state.fxsave.buffer);
  view.setUint16(0, one.control, true);
  // TOP is 4, registers 4 and 5 are in use.
  view.setUint16(2, 4 << 11, true);
  view.setUint8(4, 0x30);
  state.fxsave.set(one.st0, 32);
  state.fxsave.set(one.st1, 48);
  state.gpr[RBX] = BigInt(WINDOW_ADDRESS);
  state.window.set(one.st1, 0);
  return { state, code: Uint8Array.from(operation.code) };
}

function fromHardware(operation: X87Operation, { state, signal }: HardwareOutcome): X87Outcome {
  if (signal) throw new Error(`${operation.name} ended with signal ${signal}`);
  const result = new Uint8Array(10);
  result.set(operation.result === "st0" ? state.fxsave.subarray(32, 42) : state.window.subarray(0, operation.result));
  const second = operation.pair ? state.fxsave.slice(48, 58) : new Uint8Array(10);
  return { result, second, status: new DataView(state.fxsave.buffer).getUint16(2, true) & STATUS_BUT_TOP };
}

export function observe(operation: X87Operation, cases: readonly X87Case[]): X87Outcome[] {
  return runOnHardware(cases.map((one) => toHardware(operation, one))).map((outcome) =>
    fromHardware(operation, outcome),
  );
}

export function encodeOutcomes(outcomes: readonly X87Outcome[]): Uint8Array {
  const bytes = new Uint8Array(outcomes.length * OUTCOME_SIZE);
  const view = new DataView(bytes.buffer);
  outcomes.forEach((outcome, i) => {
    bytes.set(outcome.result, i * OUTCOME_SIZE);
    bytes.set(outcome.second, i * OUTCOME_SIZE + 10);
    view.setUint16(i * OUTCOME_SIZE + 20, outcome.status, true);
  });
  return bytes;
}

/** The recorded outcomes of the operation, out of the whole file. */
export function decodeOutcomes(file: Uint8Array, operation: X87Operation): X87Outcome[] {
  const start = x87Operations.indexOf(operation) * RECORDED_CASES * OUTCOME_SIZE;
  const bytes = file.slice(start, start + RECORDED_CASES * OUTCOME_SIZE);
  const view = new DataView(bytes.buffer);
  return Array.from({ length: RECORDED_CASES }, (_, i) => ({
    result: bytes.slice(i * OUTCOME_SIZE, i * OUTCOME_SIZE + 10),
    second: bytes.slice(i * OUTCOME_SIZE + 10, i * OUTCOME_SIZE + 20),
    status: view.getUint16(i * OUTCOME_SIZE + 20, true),
  }));
}
