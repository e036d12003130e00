/** Everything that executes in one address space: dispatcher, handlers, blocks, regions. */
import { addressOfHalves } from "../address.ts";
import { layout } from "../context-layout.ts";
import { Flag, type Context } from "../context.ts";
import { GuestFault, PAGE_SIZE, USER_LIMIT, type Exit } from "../cpu.ts";
import { Exceptions } from "../soft-float/environment.ts";
import type { Decoded, Decoder, Undecodable } from "../decoder/decoder.ts";
import { CpuException, Unimplemented } from "../isa/machine.ts";
import type { AccessPath } from "../memory/guest-memory.ts";
import { bulkFunctions, type BulkFunctions } from "../memory/bulk.ts";
import { PageFlag } from "../memory/page-table.ts";
import { windowLayout } from "../memory/window-layout.ts";
import type { CodeListener, PageStorage, WindowSpace } from "../memory/window-space.ts";
import type { BlockLibrary } from "./block-library.ts";
import { BlockCache, type Block, type WindowCode } from "./block-cache.ts";
import { report } from "./debug-registers.ts";
import { dispatcherModule, Leave } from "./dispatcher.ts";
import { exceptionExit, faultExit, type CoreExit } from "./exits.ts";
import { ExecutionMachine, type MachineEnvironment } from "./execution-machine.ts";
import { exitCodes, guardVectors, UPDATE } from "./handler-emitter.ts";
import { FunctionTable } from "./function-table.ts";
import type { HandlerLibrary } from "./handler-library.ts";
import { blockHeader, record } from "./record.ts";
import { SingleStep } from "./single-step.ts";
import type { StopExit, Stops } from "./stops.ts";
import { Watch } from "./watch.ts";

/** Translated code as the dispatcher sees it. */
export interface RegionSource {
  /** Called when the block at `rip` became hot. Installs what it wants by `installRegion`. */
  translate(rip: number): void;
  /** Code on `page` changes. Regions of the blocks there are gone; what else the source keeps of it must go too. */
  invalidate(page: number): void;
  readonly counters: { readonly translateMs: number; readonly compileMs: number; readonly regions: number };
}

/** By the size of the window. */
const dispatchers = new Map<number, WebAssembly.Module>();

/** Most that is given to the dispatcher at once: `remaining` is an i32. */
const SLICE = 0x4000_0000;

export class Core implements CodeListener {
  readonly space: WindowSpace;
  readonly blocks: BlockCache;
  readonly reader: WindowCode;
  readonly bulk: BulkFunctions;
  readonly enter: (rip: bigint, expected: bigint, depth: number) => bigint;
  readonly settleFlags: () => void;
  readonly watch: Watch;
  regions: RegionSource | undefined;
  readonly #machine: ExecutionMachine;
  readonly #singleStep: SingleStep;
  readonly #table: FunctionTable;
  readonly #run: () => number;
  #context: Context | undefined;
  /** The slice given, to know what was executed. */
  #slice = 0;

  /** `kept`: as BlockCache says. */
  constructor(
    space: WindowSpace,
    decoder: Decoder,
    library: HandlerLibrary,
    kept: BlockLibrary | undefined,
    environment: MachineEnvironment,
  ) {
    this.space = space;
    this.watch = new Watch(space, () => this.#interrupt());
    this.#machine = new ExecutionMachine(this.watch, environment, {
      interrupted: () => this.#interruptRepetition(),
      reconsider: () => space.view.setUint32(windowLayout.exit, exitCodes.reconsider, true),
      delayTraps: () => {
        this.#trapsFrom = this.executed + 2;
      },
    });
    this.#singleStep = new SingleStep({
      machine: this.#machine,
      decode: (rip) => this.blocks.decode(rip),
      stopBefore: (context, rip) => this.#stopBefore(context, rip, this.executed === 0),
      runOne: (context) => this.#runSome(context, 1),
      elementDone: () => {
        const { view } = space;
        view.setUint32(windowLayout.remaining, view.getUint32(windowLayout.remaining, true) - 1, true);
        this.#stopAfter = false;
      },
      elementFaulted: () => this.#clearInterrupt(),
      interruption: (context) => this.#interruption(context),
      trapsWait: () => this.#trapsWait && !this.#interrupted,
      isSpent: () => space.view.getUint32(windowLayout.remaining, true) === 0,
      watch: this.watch,
    });
    let dispatcher = dispatchers.get(library.windowSize);
    if (!dispatcher) dispatchers.set(library.windowSize, (dispatcher = dispatcherModule(library.windowSize)));
    const { exports } = new WebAssembly.Instance(dispatcher, { host: { memory: space.memory } });
    this.#run = exports["run"] as () => number;
    this.enter = exports["enter"] as (rip: bigint, expected: bigint, depth: number) => bigint;
    this.settleFlags = exports["settleFlags"] as () => void;
    const bulk = bulkFunctions(space.memory);
    this.bulk = bulk;
    this.#table = new FunctionTable(exports["table"] as WebAssembly.Table, library, {
      ...bulk,
      memory: space.memory,
      slowLoad: this.#slowLoad.bind(this),
      slowStore: this.#slowStore.bind(this),
      raise: (at: number, vector: number): never => {
        this.#current = at >>> 0;
        throw new CpuException(guardVectors[vector]);
      },
      execute: this.#execute.bind(this),
    });
    this.reader = { byteAt: this.#byteAt.bind(this), placeOf: this.#placeOf.bind(this) };
    this.blocks = new BlockCache(space, decoder, library, this.#table, this.reader, this.watch, kept);
    space.code = this;
  }

  // Code

  /** The page from which a byte of code was last fetched. Only between runs can another come in its place, or its protection change. */
  #codePage = -1;
  #code: PageStorage = { bytes: new Uint8Array(0), offset: 0 };

  #byteAt(address: number): number {
    const page = Math.floor(address / PAGE_SIZE);
    if (page !== this.#codePage) this.#fetch(page, address);
    return this.#code.bytes[this.#code.offset + (address - page * PAGE_SIZE)];
  }
  #placeOf(address: number): number | undefined {
    const page = Math.floor(address / PAGE_SIZE);
    if (page !== this.#codePage) this.#fetch(page, address);
    const { bytes, offset } = this.#code;
    return bytes === this.space.bytes ? offset + (address - page * PAGE_SIZE) : undefined;
  }
  #fetch(page: number, address: number): void {
    if (!(this.space.pages.get(page) & PageFlag.Execute)) throw new GuestFault(address, "execute");
    this.#code = this.space.storage(page);
    this.#codePage = page;
  }
  /** Milliseconds spent on blocks that were not there yet, all of it; for `EngineProfile`. */
  missMs = 0;
  get instantiateMs(): number {
    return this.#table.instantiateMs;
  }

  /** Makes `code` what runs at `rip`; its index in the table, for `dropRegion`. */
  installRegion(rip: number, code: unknown): number {
    const block = this.blocks.block(rip);
    if ("outcome" in block) throw new Error("a region begins where no instruction is");
    const index = this.#table.add(code);
    this.blocks.setRegion(block, index);
    return index;
  }
  dropRegion(rip: number, index: number): void {
    const block = this.blocks.known(rip);
    if (block) this.blocks.setRegion(block, 0);
    this.#table.remove(index);
  }

  /** Code on `page` is about to change; the running block, if it lies there, is left after its present instruction. */
  invalidate(page: number): void {
    const { view } = this.space;
    const running = view.getUint32(windowLayout.block, true);
    for (const block of this.blocks.invalidate(page)) if (block.at === running) this.#stopAfter = true;
    this.regions?.invalidate(page);
  }
  /** The running block changed its own code, or the run is interrupted: the block is left after its present instruction. */
  #stopAfter = false;

  // Watching

  /** Where runs end from now on. `changed`: the addresses at which that is new; absent: any. Not during a run. */
  stopAt(stops: Stops | undefined, changed?: readonly number[]): void {
    this.watch.stops = stops;
    if (changed) this.#forgetCode(changed);
    else this.forget(0, Infinity);
  }
  /** What was made of the code from `from` to `to` is made anew when it runs again. */
  forget(from: number, to: number): void {
    for (const page of [...this.blocks.pages])
      if (page >= Math.floor(from / PAGE_SIZE) && page * PAGE_SIZE < to) this.invalidate(page);
  }
  #forgetCode(addresses: readonly number[]): void {
    for (const page of new Set(addresses.map((address) => Math.floor(address / PAGE_SIZE)))) this.invalidate(page);
  }
  /** Instructions reach memory by `path`; on the pages that are `watched` always, elsewhere where they are not permitted to go straight. */
  observe(path: AccessPath | undefined, watched?: (page: number) => boolean): void {
    this.watch.observe(path, watched);
  }
  /** What stands at `address`, between runs. Throws GuestFault where it cannot be fetched. */
  decode(address: number): Decoded {
    this.#codePage = -1;
    this.space.discardSharedCode();
    return this.blocks.decode(address);
  }
  /** Called by an access path: the run ends after the present instruction. */
  interrupt(): void {
    this.#stopRequested = true;
    this.#interrupt();
  }
  /** The address of the instruction that an access path was called for. */
  get present(): number {
    return this.blocks.address(this.#current);
  }
  /** Debug exceptions come when so many instructions are done, but for single steps, whose run sees to it by itself. */
  #trapsFrom = 0;
  get #trapsWait(): boolean {
    return this.executed < this.#trapsFrom;
  }
  #stopRequested = false;
  #interrupted = false;
  /** Where an interrupted repetition goes on. */
  #restart: number | undefined;

  #interrupt(): void {
    this.#interrupted = this.#stopAfter = true;
  }
  #interruptRepetition(): boolean {
    if (this.watch.stepping) return this.#singleStep.endsElement();
    if (this.#interrupted) this.#restart = this.present;
    return this.#interrupted;
  }
  #clearInterrupt(): void {
    this.#stopRequested = this.#interrupted = false;
    this.#restart = undefined;
    this.watch.hits = 0;
  }
  /** How the run ends that was interrupted; undefined: it was not. */
  #interruption(context: Context): CoreExit | undefined {
    if (!this.#interrupted) return undefined;
    if (this.#restart !== undefined) {
      context.rip = this.#restart;
      context.rflags |= Flag.RF;
    }
    let { hits } = this.watch;
    let stop = this.#stopRequested;
    this.#clearInterrupt();
    if (hits && !stop && this.#trapsWait && this.space.view.getUint32(windowLayout.remaining, true)) {
      // What ends the run instead of the next instruction takes the trap's place.
      const exit = this.#runSome(context, 1);
      if (exit) return exit;
      hits |= this.watch.hits;
      stop = this.#stopRequested;
      this.#clearInterrupt();
    }
    if (hits) report(context, hits);
    if (stop) return { reason: "stop", entered: false };
    return hits ? exceptionExit("DB") : undefined;
  }
  /**
   * How the run ends before the instruction at `rip`, which is not in the dispatcher's cache because somebody might want that. `first`: the run began
   * there, so that nobody wants it but a breakpoint without RF.
   */
  #stopBefore(context: Context, rip: number, first: boolean): CoreExit | undefined {
    const bits = this.watch.breakpointAt(rip);
    if (bits !== undefined && !(first && this.#resuming) && !this.#trapsWait) {
      report(context, bits);
      return exceptionExit("DB");
    }
    return !first && this.watch.stops?.at(rip) ? this.#stopExit() : undefined;
  }
  #stopExit(): StopExit {
    const { view } = this.space;
    const block = view.getUint32(windowLayout.block, true);
    const stop = block && view.getUint32(block + blockHeader.stop, true);
    return { reason: "stop", entered: !block || (stop !== 0 && stop === view.getUint32(windowLayout.limit, true)) };
  }
  /** RF was set when the run began. */
  #resuming = false;

  // What handlers call. Records come as i32: their addresses, above 2^31, are negative.

  /** The rest of the running block after the record at `at` is given back. */
  #leaveBlockAfter(at: number): void {
    const { view } = this.space;
    const limit = view.getUint32(windowLayout.limit, true);
    const next = at + record.size;
    if (next >= limit) return;
    view.setUint32(windowLayout.limit, next, true);
    const remaining = view.getUint32(windowLayout.remaining, true);
    view.setUint32(windowLayout.remaining, remaining + (limit - next) / record.size, true);
  }
  #slowLoad(at: number, low: number, high: number, how: number): void {
    at >>>= 0;
    this.#current = at;
    const update = (how & UPDATE) !== 0;
    const bytes = how & ~UPDATE;
    const address = addressOfHalves(low, high);
    const { memory } = this.watch;
    if (update) memory.probe(address, bytes, "write");
    this.space.bytes.set(memory.read(address, bytes), windowLayout.scratch);
    this.#checkRunning(at);
  }
  #slowStore(at: number, low: number, high: number, bytes: number): void {
    at >>>= 0;
    this.#current = at;
    const address = addressOfHalves(low, high);
    const { scratch } = windowLayout;
    this.watch.memory.write(address, this.space.bytes.slice(scratch, scratch + bytes));
    this.#checkRunning(at);
  }
  #execute(at: number): void {
    at >>>= 0;
    const instruction = this.blocks.instruction(at);
    this.#current = this.#executing = at;
    this.#machine.execute(instruction);
    this.#executing = 0;
    this.#checkRunning(at);
  }
  /** The record whose handler called last: that of the instruction that throws. */
  #current = 0;
  /** The record that `execute` works on, or 0. */
  #executing = 0;
  #checkRunning(at: number): void {
    if (!this.#stopAfter) return;
    this.#stopAfter = false;
    this.#leaveBlockAfter(at);
    if (this.#interrupted) this.space.view.setUint32(windowLayout.exit, exitCodes.reconsider, true);
  }

  // Running

  /** Instructions of the present slice that are done before the record that `execute` works on. */
  get executedSoFar(): number {
    const { view } = this.space;
    const limit = view.getUint32(windowLayout.limit, true);
    const ahead = this.#executing ? (limit - this.#executing) / record.size : 0;
    return this.#slice - (view.getUint32(windowLayout.remaining, true) + ahead);
  }

  /** Those of the running context's MXCSR. */
  get stickyFlags(): number {
    return (this.#context?.mxcsr ?? 0) & Exceptions.all;
  }

  #attach(context: Context): void {
    if (this.#context === context && context.view.buffer === this.space.memory.buffer) return;
    if (this.#context?.view.buffer === this.space.memory.buffer)
      this.#context.moveTo(new DataView(new ArrayBuffer(layout.size)));
    context.moveTo(new DataView(this.space.memory.buffer, windowLayout.state, layout.size));
    this.#context = context;
    this.#machine.context = context;
  }

  /** Executes at most `budget` instructions; `executed` gets their number. */
  run(context: Context, budget: number, hotThreshold: number): { readonly exit: CoreExit; readonly executed: number } {
    this.#attach(context);
    const moved = this.watch.arm(context);
    if (moved) this.#forgetCode(moved);
    this.#clearInterrupt();
    const otherFlags = context.view.getUint32(layout.rflags, true);
    this.#resuming = (otherFlags & Flag.RF) !== 0;
    if (this.#resuming) context.view.setUint32(layout.rflags, otherFlags & ~Flag.RF, true);
    this.#codePage = -1;
    this.space.discardSharedCode();
    const { view } = this.space;
    // A region would pass over the beginnings of its blocks.
    view.setUint32(windowLayout.hotThreshold, this.watch.stops?.everyBlock ? 0 : hotThreshold, true);
    view.setUint32(windowLayout.exit, 0, true);
    view.setUint32(windowLayout.block, 0, true);
    this.#executing = 0;
    this.#stopAfter = false;
    let executed = 0;
    this.#executedBefore = this.#trapsFrom = 0;
    for (;;) {
      const slice = Math.min(budget - executed, SLICE);
      const exit = this.#runSlice(context, slice);
      executed += slice - view.getUint32(windowLayout.remaining, true);
      this.#executedBefore = executed;
      if (exit.reason === "budget" && executed < budget) continue;
      // The instruction is still to be resumed.
      if (this.#resuming && !executed) context.view.setUint32(layout.rflags, otherFlags, true);
      return { exit, executed };
    }
  }
  #executedBefore = 0;
  /** Instructions of the present `run` that are done. */
  get executed(): number {
    return this.#executedBefore + this.executedSoFar;
  }

  #runSlice(context: Context, slice: number): CoreExit {
    const { view } = this.space;
    this.#slice = slice;
    view.setUint32(windowLayout.remaining, slice, true);
    for (;;) {
      if (context.view.getUint32(layout.rflags, true) & 0x100) return this.#singleStep.run(context);
      const exit = this.#dispatch(context);
      if (exit && exit.reason !== "budget") return exit;
      const interruption = this.#interruption(context);
      if (interruption) return interruption;
      if (view.getUint32(windowLayout.remaining, true) === 0) return { reason: "budget" };
    }
  }

  /** At most `count` instructions. Undefined: nothing else happened. */
  #runSome(context: Context, count: number): CoreExit | undefined {
    const { view } = this.space;
    const remaining = (): number => view.getUint32(windowLayout.remaining, true);
    const withheld = Math.max(0, remaining() - count);
    view.setUint32(windowLayout.remaining, remaining() - withheld, true);
    this.#slice -= withheld;
    let exit: CoreExit | undefined;
    do exit = this.#dispatch(context);
    while (!exit && remaining() && !this.#interrupted);
    this.#slice += withheld;
    view.setUint32(windowLayout.remaining, remaining() + withheld, true);
    return exit?.reason === "budget" ? undefined : exit;
  }

  /** Runs until something is to be done here. Undefined: look again. */
  #dispatch(context: Context): CoreExit | undefined {
    const { view } = this.space;
    try {
      switch (this.#run()) {
        case Leave.budget:
          return { reason: "budget" };
        case Leave.miss:
          return this.#miss(context);
        case Leave.hot:
          this.regions?.translate(context.rip);
          return undefined;
        default:
          return this.#leave(view);
      }
    } catch (error) {
      return this.#fault(context, error);
    }
  }
  #miss(context: Context): CoreExit | undefined {
    const { rip } = context;
    if (rip >= USER_LIMIT) return faultExit(new GuestFault(rip, "execute"));
    const first = this.executed === 0;
    const stop = this.#stopBefore(context, rip, first);
    if (stop) return stop;
    let block: Block | Undecodable;
    const start = performance.now();
    try {
      block = this.blocks.block(rip);
    } catch (error) {
      if (error instanceof GuestFault) return faultExit(error);
      throw error;
    } finally {
      this.missMs += performance.now() - start;
    }
    if ("outcome" in block) return this.#undecodable(block);
    const { stops } = this.watch;
    if (!block.waitedFor && !stops?.everyBlock) return undefined;
    // The next arrival must be noticed.
    try {
      if (!first && stops && (block.endedBefore || stops.everyBlock)) return this.#stopExit();
      return this.#runSome(context, block.waitedFor ? 1 : block.instructions);
    } finally {
      this.blocks.hide(rip);
    }
  }
  #undecodable({ outcome, address, length, mnemonic }: Undecodable): Exit {
    if (outcome !== "unsupported") return { reason: "exception", vector: outcome };
    return { reason: "unsupported", bytes: this.space.peek(address, length), mnemonic };
  }
  #leave(view: DataView): Exit | undefined {
    const exit = view.getUint32(windowLayout.exit, true);
    view.setUint32(windowLayout.exit, 0, true);
    switch (exit) {
      case exitCodes.syscall:
        return { reason: "syscall" };
      case exitCodes.breakpoint:
        return { reason: "breakpoint" };
      case exitCodes.debug:
        return exceptionExit("DB");
      case exitCodes.interrupt:
        return { reason: "interrupt", vector: view.getUint32(windowLayout.exitArgument, true) & 0xff };
      case exitCodes.reconsider:
        return undefined;
      default:
        throw new Error(`exit ${exit}`);
    }
  }
  /** The instruction that threw has done nothing: RIP and the count go back to before it. */
  #fault(context: Context, error: unknown): Exit {
    const vector = error instanceof CpuException ? error.vector : undefined;
    if (!vector && !(error instanceof GuestFault || error instanceof Unimplemented)) throw error;
    const { view } = this.space;
    const at = this.#current;
    context.rip = this.blocks.address(at);
    const limit = view.getUint32(windowLayout.limit, true);
    const remaining = view.getUint32(windowLayout.remaining, true);
    view.setUint32(windowLayout.remaining, remaining + (limit - at) / record.size, true);
    this.#executing = 0;
    this.#stopAfter = false;
    this.#clearInterrupt();
    if (error instanceof Unimplemented) {
      const length = view.getUint16(at + record.length, true);
      return { reason: "unsupported", bytes: this.space.peek(context.rip, length), mnemonic: error.message };
    }
    return vector ? exceptionExit(vector) : faultExit(error as GuestFault, this.blocks.instruction(at));
  }
}
