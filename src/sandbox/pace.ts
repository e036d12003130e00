/** A slice's length in instructions, such that it takes about so long: an instruction costs from a nanosecond to some microseconds. */
export class Pace {
  readonly #milliseconds: number;
  #instructions = 10_000;

  constructor(milliseconds: number) {
    this.#milliseconds = milliseconds;
  }

  get instructions(): number {
    return this.#instructions;
  }

  /** The last slice took so long. A slice that an event cut short must not be told. */
  took(milliseconds: number): void {
    const factor = this.#milliseconds / Math.max(milliseconds, 0.001);
    // Slower code is met at once; faster code may be an exception.
    this.#instructions = Math.round(Math.min(MOST, Math.max(LEAST, this.#instructions * Math.min(factor, 2))));
  }
}

const LEAST = 100;
/** Budgets are 32-bit numbers in the engine. */
const MOST = 1_000_000_000;
