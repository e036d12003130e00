/** Decoded instructions with their lifts, for translation. */
import { isInstruction, type Decoder } from "../decoder/decoder.ts";
import type { CodeReader } from "../decoder/prefixes.ts";
import { GuestFault } from "../cpu.ts";
import { Builder } from "../ir/builder.ts";
import type { BlockEnds } from "../interpreter/stops.ts";
import { liftOf } from "../isa/instruction.ts";
import type { CodeSource, GuestInstruction } from "./region.ts";

/** Most that are kept: regions overlap, and are made again when they grow. */
const KEPT = 8192;

export class DecodedCode implements CodeSource {
  /** Lifted instructions by address. */
  readonly #kept = new Map<number, GuestInstruction>();
  readonly #decoder: Decoder;
  readonly #reader: CodeReader;
  readonly #ends: BlockEnds;
  readonly targets: CodeSource["targets"];

  constructor(decoder: Decoder, reader: CodeReader, ends: BlockEnds, targets: CodeSource["targets"] = () => []) {
    this.targets = targets;
    this.#decoder = decoder;
    this.#reader = reader;
    this.#ends = ends;
  }

  /** Whether what is lifted from now on takes PE of MXCSR for set. */
  set inexact(inexact: boolean) {
    if (inexact !== this.#inexact) this.forget();
    this.#inexact = inexact;
  }
  #inexact = false;

  instruction(address: number): GuestInstruction | undefined {
    const kept = this.#kept.get(address);
    if (kept) return kept;
    const instruction = this.#lift(address);
    if (instruction?.ir) {
      if (this.#kept.size >= KEPT) this.#kept.clear();
      this.#kept.set(address, instruction);
    }
    return instruction;
  }
  /** Code that a region was made of has changed, or must end elsewhere. */
  forget(): void {
    this.#kept.clear();
  }

  #lift(address: number): GuestInstruction | undefined {
    try {
      if (this.#ends.endsAt(address)) return undefined;
      const decoded = this.#decoder.decode(this.#reader, address);
      if (!isInstruction(decoded) || this.#ends.endsBefore(decoded)) return undefined;
      const { length, form, operandSize, addressSize, operands } = decoded;
      const next = address + length;
      const { mnemonic } = form.specification;
      const lift = liftOf(decoded);
      if (!lift) return { address, next, ir: undefined, mnemonic };
      const builder = new Builder({
        address,
        next,
        operandSize,
        addressSize,
        vex: form.vex !== undefined,
        inexact: this.#inexact,
      });
      lift(builder, ...operands);
      return { address, next, ir: builder.finish(), mnemonic };
    } catch (error) {
      // The interpreter meets the fault when control gets there, if it does.
      if (error instanceof GuestFault) return undefined;
      throw error;
    }
  }
}
