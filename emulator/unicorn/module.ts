/** unicorn.js's module for x86-64: `MUnicorn()` promises it, as its factory does. docs/unicorn-js.md tells what differs. */
import { Arch, constants, version } from "./constants.ts";
import { errorCodes, strerror } from "./errors.ts";
import { registerConstants } from "./registers.ts";
import { Unicorn } from "./unicorn.ts";

/** `UC_CTL`: the number of a control, how many arguments it has, whether they are read and written. */
const control = (type: number, count: number, direction: number): number =>
  (type | (count << 26) | (direction << 30)) >>> 0;

const unicorn = {
  Unicorn,
  /** major, minor, patch and extra, a byte each. */
  version: (): number => version.reduce((sum: number, part) => (sum << 8) | part, 0) >>> 0,
  arch_supported: (arch: number): number => Number(arch === Arch.X86),
  strerror,
  CTL: control,
  CTL_NONE: (type: number, count: number): number => control(type, count, 0),
  CTL_WRITE: (type: number, count: number): number => control(type, count, 1),
  CTL_READ: (type: number, count: number): number => control(type, count, 2),
  CTL_READ_WRITE: (type: number, count: number): number => control(type, count, 3),
};

export type UnicornModule = typeof unicorn & Readonly<Record<string, number>>;

const unicornModule = Object.assign(unicorn, constants, errorCodes, registerConstants) as unknown as UnicornModule;

export function MUnicorn(): Promise<UnicornModule> {
  return Promise.resolve(unicornModule);
}
