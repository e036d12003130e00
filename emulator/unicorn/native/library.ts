/** libunicorn 2.0 through FFI: the few functions and constants used here, with types. https://www.unicorn-engine.org/ */
import { foreignFunctions } from "./foreign-functions.ts";

/** An address in this process: an engine, a callback, the first byte of a buffer. */
export type HostPointer = bigint;

export const UC_ERR_OK = 0;
export const UC_ERR_INSN_INVALID = 10;

export const UC_HOOK_INTR = 1 << 0;
export const UC_HOOK_INSN = 1 << 1;
export const UC_HOOK_CODE = 1 << 2;
/** Every access to memory that is unmapped or protected against it. */
export const UC_HOOK_MEM_INVALID = 0x3f << 4;

export const UC_X86_INS_SYSCALL = 699;
export const UC_X86_INS_CPUID = 113;

const UC_ARCH_X86 = 4;
const UC_MODE_64 = 1 << 3;
const UC_CPU_X86_QEMU64 = 0;
const UC_CTL_WRITE = 1 << 30;
const UC_CTL_CPU_MODEL = 7;
const UC_CTL_TB_REMOVE_CACHE = 9;
const argumentCount = (count: number): number => count << 26;

type Status = number;
type CodeHook = (engine: HostPointer, address: number | bigint, size: number, data: HostPointer) => void;
type InterruptHook = (engine: HostPointer, vector: number, data: HostPointer) => void;
type SyscallHook = (engine: HostPointer, data: HostPointer) => void;
/** Nonzero: the hook did what the instruction does. */
type CpuidHook = (engine: HostPointer, data: HostPointer) => number;
type MemoryHook = (
  engine: HostPointer,
  type: number,
  address: number | bigint,
  size: number,
  value: number | bigint,
  data: HostPointer,
) => boolean;

export interface Libunicorn {
  version(): string;
  /** A new engine for 64-bit mode, its processor model psABI level 1. */
  open(): HostPointer;
  close(engine: HostPointer): void;
  mapPointer(engine: HostPointer, address: number, size: number, protection: number, memory: HostPointer): void;
  unmap(engine: HostPointer, address: number, size: number): void;
  /** Forgets what was translated from the bytes of [from, to), which lie in one mapping. (A flush of everything goes through a gigabyte: seconds.) */
  removeTranslations(engine: HostPointer, from: number, to: number): void;
  readRegisters(engine: HostPointer, ids: Int32Array, pointers: BigUint64Array, count: number): void;
  writeRegisters(engine: HostPointer, ids: Int32Array, pointers: BigUint64Array, count: number): void;
  /** A copy of the whole processor state, to be restored any number of times; `free` it. */
  saveState(engine: HostPointer): HostPointer;
  restoreState(engine: HostPointer, state: HostPointer): void;
  freeState(state: HostPointer): void;
  readRegister(engine: HostPointer, id: number, value: Uint8Array): void;
  writeRegister(engine: HostPointer, id: number, value: Uint8Array): void;
  /** Returns libunicorn's error code: how emulation ended. */
  start(engine: HostPointer, begin: number | bigint, until: bigint): Status;
  stop(engine: HostPointer): void;
  readonly stopPointer: HostPointer;
  hook(engine: HostPointer, type: number, callback: HostPointer, data: HostPointer, instruction?: number): void;
  codeCallback(callback: CodeHook): HostPointer;
  interruptCallback(callback: InterruptHook): HostPointer;
  syscallCallback(callback: SyscallHook): HostPointer;
  cpuidCallback(callback: CpuidHook): HostPointer;
  memoryCallback(callback: MemoryHook): HostPointer;
  releaseCallback(callback: HostPointer): void;
  errorText(status: Status): string;
}

/** The address of a buffer's first byte. Backing stores do not move; the caller keeps the buffer alive. */
export function hostPointer(buffer: ArrayBufferView): HostPointer {
  return foreignFunctions().address(buffer);
}

let library: Libunicorn | undefined;

/** @throws Error that says how to install libunicorn where it is missing or of another major version. */
export function loadLibunicorn(): Libunicorn {
  library ??= bind();
  return library;
}

function openLibrary(): ReturnType<ReturnType<typeof foreignFunctions>["load"]> {
  const koffi = foreignFunctions();
  const names = ["libunicorn.so.2", "libunicorn.2.dylib", "unicorn.dll"];
  for (const name of names) {
    try {
      return koffi.load(name);
    } catch {
      continue;
    }
  }
  throw new Error("libunicorn 2 was not found. On Debian and Ubuntu: apt-get install libunicorn2");
}

function bind(): Libunicorn {
  const koffi = foreignFunctions();
  const lib = openLibrary();
  const declare = <F extends (...args: never[]) => unknown>(definition: string): F =>
    lib.func(definition) as unknown as F;

  const version = declare<(major: Uint32Array, minor: Uint32Array) => number>(
    "uint32_t uc_version(void *major, void *minor)",
  );
  const open = declare<(arch: number, mode: number, engine: BigUint64Array) => Status>(
    "int uc_open(int arch, int mode, void *engine)",
  );
  const close = declare<(engine: HostPointer) => Status>("int uc_close(void *engine)");
  const control = declare<(engine: HostPointer, control: number, ...typesAndValues: (string | number)[]) => Status>(
    "int uc_ctl(void *engine, int control, ...)",
  );
  const mapPointer = declare<(e: HostPointer, address: number, size: number, p: number, m: HostPointer) => Status>(
    "int uc_mem_map_ptr(void *engine, uint64_t address, size_t size, uint32_t perms, void *ptr)",
  );
  const unmap = declare<(engine: HostPointer, address: number, size: number) => Status>(
    "int uc_mem_unmap(void *engine, uint64_t address, size_t size)",
  );
  type Batch = (engine: HostPointer, ids: Int32Array, pointers: BigUint64Array, count: number) => Status;
  const readBatch = declare<Batch>("int uc_reg_read_batch(void *engine, void *ids, void *values, int count)");
  const writeBatch = declare<Batch>("int uc_reg_write_batch(void *engine, void *ids, void *values, int count)");
  type Single = (engine: HostPointer, id: number, value: Uint8Array) => Status;
  const readRegister = declare<Single>("int uc_reg_read(void *engine, int id, void *value)");
  const writeRegister = declare<Single>("int uc_reg_write(void *engine, int id, void *value)");
  const allocateContext = declare<(engine: HostPointer, context: BigUint64Array) => Status>(
    "int uc_context_alloc(void *engine, void *context)",
  );
  type ContextTransfer = (engine: HostPointer, context: HostPointer) => Status;
  const saveContext = declare<ContextTransfer>("int uc_context_save(void *engine, void *context)");
  const restoreContext = declare<ContextTransfer>("int uc_context_restore(void *engine, void *context)");
  const freeContext = declare<(context: HostPointer) => Status>("int uc_context_free(void *context)");
  const start = declare<(e: HostPointer, begin: number | bigint, until: bigint, us: number, n: number) => Status>(
    "int uc_emu_start(void *engine, uint64_t begin, uint64_t until, uint64_t timeout, size_t count)",
  );
  const stop = declare<(engine: HostPointer) => Status>("int uc_emu_stop(void *engine)");
  type AddHook = (
    engine: HostPointer,
    hook: BigUint64Array,
    type: number,
    callback: HostPointer,
    data: HostPointer,
    begin: number,
    end: number,
    argumentType: "int",
    instruction: number,
  ) => Status;
  const addHook = declare<AddHook>(
    "int uc_hook_add(void *engine, void *hook, int type, void *callback, void *data, uint64_t begin, uint64_t end, ...)",
  );
  const errorText = declare<(status: Status) => string>("const char *uc_strerror(int code)");
  const stopPointer = koffi.address(lib.symbol("uc_emu_stop"));

  const codeHook = koffi.pointer(
    koffi.proto("void UcCodeHook(void *engine, uint64_t address, uint32_t size, void *data)"),
  );
  const interruptHook = koffi.pointer(koffi.proto("void UcInterruptHook(void *engine, uint32_t vector, void *data)"));
  const syscallHook = koffi.pointer(koffi.proto("void UcSyscallHook(void *engine, void *data)"));
  const cpuidHook = koffi.pointer(koffi.proto("int UcCpuidHook(void *engine, void *data)"));
  const memoryHook = koffi.pointer(
    koffi.proto("bool UcMemoryHook(void *engine, int type, uint64_t address, int size, int64_t value, void *data)"),
  );

  const check = (status: Status, what: string): void => {
    if (status !== UC_ERR_OK) throw new Error(`libunicorn: ${what}: ${errorText(status)}`);
  };
  const range = (address: number, size: number): string => `0x${address.toString(16)}+0x${size.toString(16)}`;

  const major = new Uint32Array(1);
  const minor = new Uint32Array(1);
  version(major, minor);
  if (major[0] !== 2)
    throw new Error(`libunicorn 2 is needed, this is ${major[0]}.${minor[0]}: apt-get install libunicorn2`);

  return {
    version: () => `${major[0]}.${minor[0]}`,
    open() {
      const engine = new BigUint64Array(1);
      check(open(UC_ARCH_X86, UC_MODE_64, engine), "open");
      check(control(engine[0], UC_CTL_CPU_MODEL | UC_CTL_WRITE | argumentCount(1), "int", UC_CPU_X86_QEMU64), "model");
      return engine[0];
    },
    close: (engine) => check(close(engine), "close"),
    mapPointer: (engine, address, size, protection, memory) =>
      check(mapPointer(engine, address, size, protection, memory), `map ${range(address, size)}`),
    unmap: (engine, address, size) => check(unmap(engine, address, size), `unmap ${range(address, size)}`),
    removeTranslations: (engine, from, to) =>
      check(
        control(engine, UC_CTL_TB_REMOVE_CACHE | UC_CTL_WRITE | argumentCount(2), "uint64_t", from, "uint64_t", to),
        "remove",
      ),
    readRegisters: (engine, ids, pointers, count) => check(readBatch(engine, ids, pointers, count), "read registers"),
    writeRegisters: (engine, ids, pointers, count) =>
      check(writeBatch(engine, ids, pointers, count), "write registers"),
    readRegister: (engine, id, value) => check(readRegister(engine, id, value), "read register"),
    writeRegister: (engine, id, value) => check(writeRegister(engine, id, value), "write register"),
    saveState(engine) {
      const context = new BigUint64Array(1);
      check(allocateContext(engine, context), "allocate a context");
      check(saveContext(engine, context[0]), "save the context");
      return context[0];
    },
    restoreState: (engine, state) => check(restoreContext(engine, state), "restore the context"),
    freeState: (state) => check(freeContext(state), "free the context"),
    start: (engine, begin, until) => start(engine, begin, until, 0, 0),
    stop: (engine) => check(stop(engine), "stop"),
    stopPointer,
    hook(engine, type, callback, data, instruction = 0) {
      const handle = new BigUint64Array(1);
      check(addHook(engine, handle, type, callback, data, 1, 0, "int", instruction), "hook");
    },
    codeCallback: (callback) => koffi.register(callback, codeHook),
    interruptCallback: (callback) => koffi.register(callback, interruptHook),
    syscallCallback: (callback) => koffi.register(callback, syscallHook),
    cpuidCallback: (callback) => koffi.register(callback, cpuidHook),
    memoryCallback: (callback) => koffi.register(callback, memoryHook),
    releaseCallback: (callback) => koffi.unregister(callback),
    errorText,
  };
}
