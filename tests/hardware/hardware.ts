/**
 * Single instructions on the host's own processor, in a child process (`runner.c`, compiled on the spot).
 * Only on x86-64 Linux with a C compiler; `hardwareMissing` says what is missing elsewhere.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { newState, WINDOW_PAGE, WINDOW_SIZE, type HardwareCase, type HardwareOutcome } from "./state.ts";

const RECORD_SIZE = 1024 + WINDOW_SIZE + 24;
const XSAVE = 192;

function encode({ state, code }: HardwareCase, record: Uint8Array): void {
  const view = new DataView(record.buffer, record.byteOffset);
  state.gpr.forEach((value, i) => view.setBigUint64(i * 8, value, true));
  view.setBigUint64(128, state.rflags, true);
  record.set(state.fxsave, XSAVE);
  record.set(state.ymmHigh, XSAVE + 576);
  record.set(state.window, 1024);
  record.set(code, 1024 + WINDOW_SIZE);
  const { address, first, second } = state.place;
  const tail = 1024 + WINDOW_SIZE + 16;
  record.set([code.length, first, second], tail);
  view.setUint32(tail + 4, address - WINDOW_PAGE, true);
}

function decode(record: Uint8Array, { state: { place } }: HardwareCase): HardwareOutcome {
  const view = new DataView(record.buffer, record.byteOffset);
  const tail = 1024 + WINDOW_SIZE;
  return {
    state: {
      gpr: BigUint64Array.from({ length: 16 }, (_, i) => view.getBigUint64(i * 8, true)),
      rflags: view.getBigUint64(128, true),
      fxsave: record.slice(XSAVE, XSAVE + 512),
      ymmHigh: record.slice(XSAVE + 576, XSAVE + 832),
      window: record.slice(1024, tail),
      place,
    },
    signal: record[tail],
    trap: {
      vector: record[tail + 1],
      errorCode: view.getUint16(tail + 2, true),
      address: view.getBigUint64(tail + 8, true),
    },
    rip: view.getBigUint64(tail + 16, true),
  };
}

let missing: string | undefined | null = null;
/** Why this host cannot serve, or undefined. */
export function hardwareMissing(): string | undefined {
  if (missing !== null) return missing;
  missing = undefined;
  if (process.platform !== "linux" || process.arch !== "x64") missing = "not x86-64 Linux";
  else if (spawnSync("gcc", ["--version"]).status !== 0) missing = "no gcc";
  else if (!/^flags\b.*\bavx\b/m.test(readFileSync("/proc/cpuinfo", "utf8"))) missing = "no AVX";
  return missing;
}

let runner: string | undefined;
/** Path of the compiled runner; removed when this process ends. */
function compileRunner(): string {
  if (runner) return runner;
  const folder = mkdtempSync(join(tmpdir(), "ring3-hardware-"));
  process.once("exit", () => rmSync(folder, { recursive: true }));
  runner = join(folder, "runner");
  execFileSync("gcc", ["-O1", "-no-pie", "-o", runner, new URL("runner.c", import.meta.url).pathname]);
  return runner;
}

export function runOnHardware(cases: readonly HardwareCase[]): HardwareOutcome[] {
  const input = new Uint8Array(cases.length * RECORD_SIZE);
  cases.forEach((one, i) => {
    encode(one, input.subarray(i * RECORD_SIZE, (i + 1) * RECORD_SIZE));
  });
  const { stdout, status, signal } = spawnSync(compileRunner(), { input, maxBuffer: input.length + 1 });
  if (status !== 0)
    throw new Error(`the runner ended with ${String(status ?? signal)} after ${stdout.length / RECORD_SIZE} cases`);
  // Not a Buffer, whose slice() does not copy.
  const output = new Uint8Array(stdout);
  return cases.map((one, i) => decode(output.subarray(i * RECORD_SIZE, (i + 1) * RECORD_SIZE), one));
}

const CPUID = Uint8Array.of(0x0f, 0xa2);

/** EAX, EBX, ECX, EDX that this processor answers. */
export function cpuidOnHardware(leaf: number, subleaf = 0): [eax: number, ebx: number, ecx: number, edx: number] {
  const state = newState();
  state.gpr[0] = BigInt(leaf);
  state.gpr[1] = BigInt(subleaf);
  const [eax, ecx, edx, ebx] = Array.from(runOnHardware([{ state, code: CPUID }])[0].state.gpr, Number);
  return [eax, ebx, ecx, edx];
}

/** Its name for itself. */
export function processorName(): string {
  const words = [0x8000_0002, 0x8000_0003, 0x8000_0004].flatMap((leaf) => cpuidOnHardware(leaf));
  return new TextDecoder().decode(Uint32Array.from(words)).replace(/\0.*/, "").trim();
}
