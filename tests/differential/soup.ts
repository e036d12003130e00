/** Instruction soup: random code that jumps into itself, on several processors at once, which must agree about every exit. */
import { Context, Register } from "../../emulator/context.ts";
import { layout } from "../../emulator/context-layout.ts";
import { PAGE_SIZE, Protection, type AddressSpace, type Cpu, type Exit } from "../../emulator/cpu.ts";
import type { Form } from "../../emulator/isa/instruction.ts";
import { encode } from "../hardware/encode.ts";
import { Random } from "../hardware/random.ts";

export const CODE = 0x1_4000_0000;
/** Where jumps lead; behind it lies what instructions that begin before the end need. */
const CODE_LENGTH = 512;
const CODE_SIZE = PAGE_SIZE;
/** A second view of the code, where it is shared. */
const ALIAS = 0x7ff6_0000_0000;
const DATA = 0x2_1000_0000;
const DATA_SIZE = 2 * PAGE_SIZE;
const STACK = 0x7fff_2000_0000;
const STACK_SIZE = PAGE_SIZE;
/** Handlers of faults go on at one of so many places. */
const ENTRIES = 12;
const LONGEST_SLICE = 300;

const areas = [
  [CODE, CODE_SIZE],
  [DATA, DATA_SIZE],
  [STACK, STACK_SIZE],
] as const;

const READ_WRITE = Protection.Read | Protection.Write;
const READ_EXECUTE = Protection.Read | Protection.Execute;

export interface Soup {
  readonly code: Uint8Array;
  /** How the code may be changed. */
  readonly writable: "no" | "in place" | "through another view";
}

const between = (random: Random, low: number, high: number): number => low + random.below(high - low + 1);
const imm32 = (value: number): number[] => [value & 255, (value >> 8) & 255, (value >> 16) & 255, (value >> 24) & 255];

/** Instructions that forms alone do not make: control flow, strings, flags, and those that ask the environment. */
function special(random: Random, at: number): number[] {
  const target = random.below(CODE_LENGTH) - at;
  const near = Math.max(-126, Math.min(126, target)) - 2;
  switch (random.below(14)) {
    case 0:
    case 1:
    case 2:
      return [0x70 | random.below(16), near & 255];
    case 3:
      return [0x0f, 0x80 | random.below(16), ...imm32(target - 6)];
    case 4:
      return [random.pick([0xeb, 0xe0, 0xe1, 0xe2, 0xe3]), near & 255];
    case 5:
      return [random.pick([0xe8, 0xe9]), ...imm32(target - 5)];
    case 6:
      return random.below(3) ? [0xc3] : [0xc2, random.below(64), 0];
    case 7:
      return [0xff, random.pick([0xd0, 0xe0, 0x13, 0x23]) | random.below(8)];
    case 8:
      return [...random.pick([[], [0xf3], [0xf2], [0x66], [0x48], [0xf3, 0x48]]), random.pick([0xa4, 0xa5, 0xa6, 0xa7, 0xaa, 0xab, 0xac, 0xad, 0xae, 0xaf])]; // prettier-ignore
    case 9:
      return [random.pick([0x9c, 0x9d, 0xc9, 0xd7, 0xcc, 0x9b, 0xf4, 0xfc, 0xfd])];
    case 10:
      return random.pick([
        [0x0f, 0xa2],
        [0x0f, 0x31],
        [0x0f, 0x05],
        [0x0f, 0x0b],
        [0xcd, random.below(256)],
        [0x0f, 0xc7, 0xf0 | random.below(16)],
        [0x0f, 0x01, random.below(256)],
        [0xc8, random.below(64), 0, random.below(4)],
      ]);
    case 11:
      return [0x50 | random.below(16)];
    case 12:
      // A store into the code: MOV byte [RIP + near], imm8.
      return [0xc6, 0x05, ...imm32(between(random, -64, 64)), random.below(256)];
    default:
      // MOV RCX, a small number: counts for REP, shifts and LOOP.
      return [0xb9, ...imm32(random.below(40))];
  }
}

const prefixes = [0xf0, 0xf2, 0xf3, 0x66, 0x67, 0x2e, 0x64, 0x65] as const;

/** Valid instructions of `forms` in half of the soups, noise in a quarter, both in the rest. */
export function makeSoup(
  random: Random,
  forms: readonly Form[],
  writable: readonly Soup["writable"][] = ["no", "in place", "in place", "through another view"],
): Soup {
  const kind = random.below(4);
  const bytes: number[] = [];
  while (bytes.length < CODE_LENGTH) {
    if (kind === 2 || (kind === 3 && random.below(2))) {
      for (let count = between(random, 1, 8); count > 0; count--) bytes.push(random.below(256));
      continue;
    }
    if (random.below(8) === 0) bytes.push(random.below(2) ? random.pick(prefixes) : 0x40 | random.below(16));
    if (random.below(4) === 0) bytes.push(...special(random, bytes.length));
    else bytes.push(...(encode(random.pick(forms), random, random.below(127), random.below(2) === 1)?.bytes ?? []));
  }
  const code = new Uint8Array(CODE_SIZE).fill(0xcc, CODE_LENGTH + 16);
  code.set(bytes.slice(0, CODE_LENGTH + 16));
  return { code, writable: random.pick(writable) };
}

/** What a fault's handler does before it goes on elsewhere. */
interface Resumption {
  readonly rip: number;
  readonly registers: readonly (readonly [Register, bigint])[];
}

const pointers = [Register.RBX, Register.RSI, Register.RDI, Register.RBP] as const;

export function resumption(random: Random, entries: readonly number[], { writable }: Soup): Resumption {
  const registers: [Register, bigint][] = pointers.map((register) => [
    register,
    BigInt(DATA + (random.below(8) ? random.below(DATA_SIZE - 256) & ~15 : random.below(DATA_SIZE))),
  ]);
  if (random.below(4) === 0)
    registers.push([
      random.pick(pointers),
      BigInt((writable === "through another view" ? ALIAS : CODE) + random.below(CODE_LENGTH)),
    ]);
  registers.push([Register.RSP, BigInt(STACK + STACK_SIZE - 512 + random.below(32) * 8)]);
  registers.push([random.below(16) as Register, random.bits(64)], [Register.RCX, BigInt(random.below(64))]);
  return { rip: random.pick(entries), registers };
}

export const randomData = (random: Random): Uint8Array =>
  Uint8Array.from({ length: DATA_SIZE }, () => Number(random.bits(8)));
export const randomEntries = (random: Random): number[] =>
  Array.from({ length: ENTRIES }, () => CODE + random.below(CODE_LENGTH));

/** One processor in the soup. */
export class Swimmer {
  readonly cpu: Cpu;
  readonly context = new Context();
  readonly space: AddressSpace;
  executed = 0;

  constructor(cpu: Cpu, { code, writable }: Soup, data: Uint8Array) {
    this.cpu = cpu;
    this.space = cpu.createAddressSpace();
    if (writable === "through another view") {
      const pages = { bytes: code.slice() };
      this.space.mapShared(CODE, CODE_SIZE, READ_EXECUTE, pages, 0);
      this.space.mapShared(ALIAS, CODE_SIZE, READ_WRITE, pages, 0);
    } else {
      this.space.map(CODE, CODE_SIZE, writable === "no" ? READ_EXECUTE : READ_EXECUTE | READ_WRITE);
      this.space.poke(CODE, code);
    }
    this.space.map(DATA, DATA_SIZE, READ_WRITE);
    this.space.poke(DATA, data);
    this.space.map(STACK, STACK_SIZE, READ_WRITE);
  }
  run(budget: number): Exit {
    this.cpu.timeStamp = BigInt(this.executed);
    const exit = this.cpu.run(this.space, this.context, budget);
    this.executed += this.cpu.executed;
    return exit;
  }
  resume({ rip, registers }: Resumption): void {
    const { context } = this;
    for (const [register, value] of registers) context.set(register, value);
    context.rip = rip;
    context.rflags &= 0xcd5;
    context.mxcsr = 0x1f80;
    context.view.setUint16(layout.fcw, 0x37f, true);
  }
  /** Makes registers and memory those of another one. */
  become(other: Swimmer): void {
    this.context.bytes.set(other.context.bytes);
    for (const [address, size] of areas) {
      const wanted = other.space.peek(address, size);
      if (Buffer.compare(this.space.peek(address, size), wanted) !== 0) this.space.poke(address, wanted);
    }
  }
  code(): Uint8Array {
    return this.space.peek(CODE, CODE_SIZE);
  }
  memory(): Uint8Array {
    const parts = areas.map(([address, size]) => this.space.peek(address, size));
    const all = new Uint8Array(CODE_SIZE + DATA_SIZE + STACK_SIZE);
    parts.reduce((at, part) => (all.set(part, at), at + part.length), 0);
    return all;
  }
}

export interface SoupOutcome {
  readonly instructions: number;
  readonly rounds: number;
  /** Exits by what they were. */
  readonly exits: ReadonlyMap<string, number>;
  readonly disagreement: string | undefined;
}

export const describeExit = (exit: Exit): string =>
  exit.reason === "unsupported" ? `unsupported ${exit.mnemonic}` : JSON.stringify(exit);

function firstDifference(a: Swimmer, b: Swimmer): string | undefined {
  if (a.executed !== b.executed) return `${a.executed} instructions, ${b.executed}`;
  const [x, y] = [a.context, b.context];
  if (x.rip !== y.rip) return `RIP ${x.rip.toString(16)}, ${y.rip.toString(16)}`;
  if (x.rflags !== y.rflags) return `flags ${x.rflags.toString(16)}, ${y.rflags.toString(16)}`;
  const [p, q] = [x.bytes, y.bytes];
  // Flags are kept in forms that may differ while the flags do not.
  for (let at = 0; at < p.length; at++)
    if (p[at] !== q[at] && (at < layout.cf || at >= layout.mxcsr))
      return `context byte 0x${at.toString(16)}: ${p[at]}, ${q[at]}`;
  return undefined;
}
export function memoryDifference(a: Swimmer, b: Swimmer): string | undefined {
  const [x, y] = [a.memory(), b.memory()];
  if (Buffer.compare(x, y) === 0) return undefined;
  const at = x.findIndex((byte, index) => byte !== y[index]);
  return `memory byte 0x${at.toString(16)}: ${x[at]}, ${y[at]}`;
}

const MEMORY_EVERY = 64;

/** The round at which a replay ends, and how many instructions of it are executed. */
interface End {
  readonly round: number;
  readonly budget: number;
}

/** Runs `soup` on all of `cpus`, `instructions` of it, and tells where they part. */
export function swim(
  cpus: readonly Cpu[],
  soup: Soup,
  random: Random,
  instructions: number,
  end?: End,
): SoupOutcome & { readonly rip: number; readonly budget: number } {
  const data = randomData(random);
  const swimmers = cpus.map((cpu) => new Swimmer(cpu, soup, data));
  const [first, ...others] = swimmers;
  // Those that faulted count.
  let begun = 0;
  const entries = randomEntries(random);
  const exits = new Map<string, number>();
  let disagreement: string | undefined;
  const resume = (): void => {
    const next = resumption(random, entries, soup);
    for (const swimmer of swimmers) swimmer.resume(next);
  };
  resume();
  let round = 0;
  let budget = 0;
  while (begun < instructions && disagreement === undefined && round !== end?.round) {
    round++;
    budget = random.below(8) ? between(random, 1, LONGEST_SLICE) : 1;
    if (round === end?.round) budget = end.budget;
    const from = first.context.rip;
    const before = first.executed;
    const seen = swimmers.map((swimmer) => describeExit(swimmer.run(budget)));
    const { reason, ...rest } = JSON.parse(JSON.stringify(seen[0].startsWith("{") ? JSON.parse(seen[0]) : { reason: seen[0] })) as { reason: string; vector?: string }; // prettier-ignore
    const kind = rest.vector === undefined || reason === "interrupt" ? reason : `#${rest.vector}`;
    exits.set(kind, (exits.get(kind) ?? 0) + 1);
    for (const [index, other] of others.entries()) {
      const what =
        seen[index + 1] === seen[0]
          ? (firstDifference(first, other) ?? (round % MEMORY_EVERY === 0 ? memoryDifference(first, other) : undefined))
          : `${seen[0]}, ${seen[index + 1]}`;
      if (what !== undefined)
        disagreement ??= `${first.cpu.name} and ${other.cpu.name}, round ${round}, ${budget} instructions from ${from.toString(16)}: ${what}`;
    }
    const goesOn = reason === "budget" || reason === "syscall" || reason === "breakpoint" || reason === "interrupt";
    begun += first.executed - before + (goesOn ? 0 : 1);
    if (!goesOn || random.below(64) === 0) resume();
  }
  for (const other of others) disagreement ??= memoryDifference(first, other);
  for (const swimmer of swimmers) swimmer.space.dispose();
  return { instructions: begun, rounds: round, exits, disagreement, rip: first.context.rip, budget };
}

/** The soup of a seed; where processors part, the first instruction after which they do is found by replays. */
export function swimSeed(
  cpus: readonly Cpu[],
  forms: readonly Form[],
  seed: number,
  instructions: number,
): SoupOutcome {
  const replay = (end?: End) => {
    const random = new Random(seed);
    return swim(cpus, makeSoup(random, forms), random, instructions, end);
  };
  const outcome = replay();
  if (outcome.disagreement === undefined) return outcome;
  let before = 0;
  for (let budget = 0; budget <= outcome.budget; budget++) {
    const { disagreement, rip } = replay({ round: outcome.rounds, budget: Math.max(1, budget) });
    if (budget > 0 && disagreement !== undefined)
      return { ...outcome, disagreement: `seed ${seed}, instruction at ${before.toString(16)}: ${disagreement}` };
    before = rip;
  }
  return { ...outcome, disagreement: `seed ${seed}: ${outcome.disagreement}` };
}
