/** The state of hardware cases put into our processor, and read back in the same form. */
import { Context, type Register } from "../../emulator/context.ts";
import { layout } from "../../emulator/context-layout.ts";
import type { AddressSpace, Cpu, ExceptionVector, Exit, FaultVector } from "../../emulator/cpu.ts";
import { PAGE_SIZE, Protection } from "../../emulator/cpu.ts";
import { CODE_ADDRESS, CODE_PAGE, fxsaveLayout as FXSAVE, newState, WINDOW_PAGE, WINDOW_SIZE } from "./state.ts"; // prettier-ignore
import type { HardwareCase, HardwareState } from "./state.ts";

const empty = new Uint8Array(2 * PAGE_SIZE);

export interface EngineOutcome {
  readonly state: HardwareState;
  readonly exit: Exit;
  readonly rip: bigint;
}

export class EngineUnderTest {
  readonly #cpu: Cpu;
  readonly #space: AddressSpace;
  constructor(cpu: Cpu) {
    this.#cpu = cpu;
    this.#space = cpu.createAddressSpace();
    this.#space.map(WINDOW_PAGE, 2 * PAGE_SIZE, Protection.None);
    this.#space.map(CODE_PAGE, PAGE_SIZE, Protection.Read | Protection.Execute);
    this.#space.poke(CODE_PAGE, new Uint8Array(PAGE_SIZE).fill(0xcc));
  }

  dispose(): void {
    this.#space.dispose();
    this.#cpu.dispose();
  }

  run({ state, code }: HardwareCase): EngineOutcome {
    const context = new Context();
    load(context, state);
    this.#space.poke(WINDOW_PAGE, empty);
    const { address, first, second } = state.place;
    this.#space.poke(address, state.window);
    this.#space.protect(WINDOW_PAGE, PAGE_SIZE, first);
    this.#space.protect(WINDOW_PAGE + PAGE_SIZE, PAGE_SIZE, second);
    // INT3 ends the block.
    const page = new Uint8Array(32).fill(0xcc);
    page.set(code);
    this.#space.poke(CODE_ADDRESS, page);
    context.rip = CODE_ADDRESS;
    const exit = this.#cpu.run(this.#space, context, 1);
    return { state: save(context, this.#space.peek(address, WINDOW_SIZE)), exit, rip: BigInt(context.rip) };
  }
}

function load(context: Context, state: HardwareState): void {
  const area = new DataView(state.fxsave.buffer);
  state.gpr.forEach((value, i) => context.set(i as Register, value));
  context.rflags = Number(state.rflags);
  context.mxcsr = area.getUint32(FXSAVE.mxcsr, true);
  const { view } = context;
  const status = area.getUint16(FXSAVE.fsw, true);
  view.setUint16(layout.fcw, area.getUint16(FXSAVE.fcw, true), true);
  view.setUint16(layout.fsw, status, true);
  const top = (status >> 11) & 7;
  let tags = 0;
  for (let i = 0; i < 8; i++) {
    const physical = (top + i) & 7;
    const bytes = state.fxsave.subarray(FXSAVE.st + i * 16, FXSAVE.st + i * 16 + 10);
    context.x87(physical).set(bytes);
    if (!((area.getUint8(FXSAVE.ftw) >> physical) & 1)) tags |= 3 << (physical * 2);
  }
  view.setUint16(layout.ftw, tags, true);
  for (let i = 0; i < 16; i++) {
    context.xmm(i).set(state.fxsave.subarray(FXSAVE.xmm + i * 16, FXSAVE.xmm + i * 16 + 16));
    context.ymmHigh(i).set(state.ymmHigh.subarray(i * 16, i * 16 + 16));
  }
}

function save(context: Context, window: Uint8Array): HardwareState {
  const state = { ...newState(), window };
  const area = new DataView(state.fxsave.buffer);
  for (let i = 0; i < 16; i++) {
    state.gpr[i] = context.get(i as Register);
    state.fxsave.set(context.xmm(i), FXSAVE.xmm + i * 16);
    state.ymmHigh.set(context.ymmHigh(i), i * 16);
  }
  state.rflags = BigInt(context.rflags);
  const { view } = context;
  const status = view.getUint16(layout.fsw, true);
  const top = (status >> 11) & 7;
  const tags = view.getUint16(layout.ftw, true);
  let abridged = 0;
  for (let i = 0; i < 8; i++) {
    if (((tags >> (i * 2)) & 3) !== 3) abridged |= 1 << i;
    state.fxsave.set(context.x87((top + i) & 7), FXSAVE.st + i * 16);
  }
  area.setUint16(FXSAVE.fcw, view.getUint16(layout.fcw, true), true);
  area.setUint16(FXSAVE.fsw, status, true);
  area.setUint8(FXSAVE.ftw, abridged);
  area.setUint32(FXSAVE.mxcsr, context.mxcsr, true);
  return state;
}

/** The Linux signal that an exit would be. */
export function signalOf(exit: Exit): number {
  const SIGILL = 4;
  const SIGTRAP = 5;
  const SIGBUS = 7;
  const SIGFPE = 8;
  const SIGSEGV = 11;
  switch (exit.reason) {
    case "budget":
      return 0;
    case "fault":
      return exit.vector === "SS" ? SIGBUS : SIGSEGV;
    case "breakpoint":
      return SIGTRAP;
    case "exception":
      switch (exit.vector) {
        case "DE":
        case "MF":
        case "XM":
          return SIGFPE;
        case "UD":
          return SIGILL;
        case "DB":
          return SIGTRAP;
        case "GP":
        case "AC":
          return SIGSEGV;
      }
      break;
    case "interrupt":
    case "syscall":
    case "unsupported":
      return -1;
  }
  return -1;
}

const faults: Readonly<Record<FaultVector, number>> = { SS: 12, GP: 13, PF: 14 };
const vectors: Readonly<Record<ExceptionVector, number>> = { DE: 0, DB: 1, UD: 6, GP: 13, MF: 16, AC: 17, XM: 19 };

/** The number of the exception that an exit is; undefined: none. */
export function vectorOf(exit: Exit): number | undefined {
  switch (exit.reason) {
    case "fault":
      return faults[exit.vector];
    case "exception":
      return vectors[exit.vector];
    case "breakpoint":
      return 3;
    default:
      return undefined;
  }
}
