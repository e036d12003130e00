/**
 * Instruction soup at psABI level 1 on our processor and on libunicorn, compared after every instruction. What libunicorn is no authority for (x87, MMX,
 * privileged instructions, those of later levels) only ours executes; where libunicorn is known to be wrong, both go on with ours.
 */
import type { Cpu, Exit } from "../../emulator/cpu.ts";
import { GuestFault } from "../../emulator/cpu.ts";
import { Decoder, isInstruction } from "../../emulator/decoder/decoder.ts";
import { features } from "../../emulator/isa/feature.ts";
import { instructions } from "../../emulator/isa/index.ts";
import type { Form, Instruction } from "../../emulator/isa/instruction.ts";
import { Random } from "../hardware/random.ts";
import { contextDifference } from "./context-difference.ts";
import { explained, fatalOffset } from "./known-differences.ts";
import { CODE, makeSoup, memoryDifference, randomData, randomEntries, resumption, Swimmer } from "./soup.ts";
import { usesX87 } from "./streams.ts";

/** Of all levels, so that an instruction has a name. */
const decoder = new Decoder(instructions, 3);

const DEFAULT_MXCSR = 0x1f80;
const NOP = 0x90;

export interface LibunicornSoupOutcome {
  readonly instructions: number;
  /** Instructions that both executed. */
  readonly compared: number;
  /** Known differences by their reason. */
  readonly known: ReadonlyMap<string, number>;
  readonly disagreements: readonly string[];
}

/** The instruction at RIP; undefined where none can be fetched or decoded. */
function instructionAt({ space, context }: Swimmer): Instruction | undefined {
  try {
    const decoded = decoder.decode({ byteAt: (address) => space.readUint8(address) }, context.rip);
    return isInstruction(decoded) ? decoded : undefined;
  } catch (error) {
    if (error instanceof GuestFault) return undefined;
    throw error;
  }
}

/** Instructions that ask what user mode has no say in, or that this CPU lacks. */
const ofTheSystem =
  /^(SYSENTER|SYSEXIT|SYSRET|IRET|RETF|CALLF|JMPF|L[FGS]S|WAIT|LAR|LSL|VERR|VERW|S[GIL]DT|STR|SMSW|IN|OUT|INS|OUTS|X(SAVE|RSTOR).*|FX(SAVE|RSTOR).*|XGETBV|RDRAND|RDSEED|RDPID|RDTSCP)$/;

function isCompared({ form }: Instruction): boolean {
  const { mnemonic, definition } = form.specification;
  const level = definition.feature === undefined ? 1 : features[definition.feature].level;
  const hasOtherFile = form.operands.some((operand) => "file" in operand && ["segment", "control", "debug"].includes(operand.file)); // prettier-ignore
  return level === 1 && !definition.unimplemented && !usesX87(form) && !hasOtherFile && !ofTheSystem.test(mnemonic);
}

function describe(exit: Exit): string {
  if (exit.reason === "fault") return exit.vector !== "PF" ? "#GP" : `fault ${exit.access} ${exit.address.toString(16)}`; // prettier-ignore
  if (exit.reason === "interrupt") return `interrupt ${exit.vector}`;
  return exit.reason === "exception" ? `#${exit.vector}` : exit.reason;
}

export function swimWithLibunicorn(
  ours: Cpu,
  theirs: Cpu,
  forms: readonly Form[],
  seed: number,
  instructions: number,
): LibunicornSoupOutcome {
  const random = new Random(seed);
  const soup = makeSoup(random, forms, ["no", "no", "no", "in place"]);
  const data = randomData(random);
  const entries = randomEntries(random);
  const [mine, other] = [ours, theirs].map((cpu) => new Swimmer(cpu, soup, data));
  const withoutFatal = (): void => {
    for (let at = fatalOffset(mine.code()); at >= 0; at = fatalOffset(mine.code()))
      for (const swimmer of [mine, other]) swimmer.space.poke(CODE + at, Uint8Array.of(NOP));
  };
  withoutFatal();
  const known = new Map<string, number>();
  const disagreements: string[] = [];
  let begun = 0;
  let compared = 0;

  const tell = (mnemonic: string, text: string): void => {
    const reason = explained({ mnemonic, text })?.reason;
    if (reason !== undefined) known.set(reason, (known.get(reason) ?? 0) + 1);
    else disagreements.push(`seed ${seed}, instruction ${begun}, ${mnemonic} ${text}`);
  };
  const resume = (): void => mine.resume(resumption(random, entries, soup));
  resume();
  for (; begun < instructions && disagreements.length < 10; begun++) {
    mine.context.mxcsr = DEFAULT_MXCSR;
    const instruction = instructionAt(mine);
    other.context.bytes.set(mine.context.bytes);
    other.executed = mine.executed;
    const from = mine.context.rip;
    const code = instruction && mine.space.peek(from, instruction.length);
    const page = soup.writable === "no" ? undefined : mine.code();
    const exit = mine.run(1);
    if (instruction && code && isCompared(instruction)) {
      compared++;
      let theirExit = other.run(1);
      // libunicorn begins an instruction again that stores to its own page of code, and counts it twice.
      if (other.context.rip === from && mine.context.rip !== from && theirExit.reason === "budget")
        theirExit = other.run(2);
      const [a, b] = [describe(exit), describe(theirExit)];
      const what = a === b ? contextDifference(instruction.form, mine.context, other.context) : `${a}, theirs ${b}`;
      const difference = what ?? memoryDifference(mine, other);
      if (difference !== undefined) {
        const { form } = instruction;
        const bytes = Array.from(code, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
        const stores = page && Buffer.compare(page, mine.code()) !== 0 ? ", stored to code" : "";
        tell(form.specification.mnemonic, `${bytes} (${form.text}): ${difference} [${a}${stores}]`);
        other.become(mine);
      }
    } else other.become(mine);
    if (page) withoutFatal();
    if (
      exit.reason !== "budget" &&
      exit.reason !== "syscall" &&
      exit.reason !== "breakpoint" &&
      exit.reason !== "interrupt"
    )
      resume(); // prettier-ignore
    else if (random.below(512) === 0) resume();
  }
  for (const swimmer of [mine, other]) swimmer.space.dispose();
  return { instructions: begun, compared, known, disagreements };
}
