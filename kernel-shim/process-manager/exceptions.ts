/** From a processor exception, or NtRaiseException, to the guest's exception dispatcher. */
import type { Exit } from "../../emulator/cpu.ts";
import { Flag, Register } from "../../emulator/context.ts";
import { layout } from "../../emulator/context-layout.ts";
import { StateComponent } from "../../emulator/xsave-area.ts";
import { ntstatus, type NtStatus } from "../abi/ntstatus.ts";
import { CONTEXT, CONTEXT_EX, EXCEPTION_RECORD } from "../abi/structures.ts";
import type { RaisedException } from "../executive/observer.ts";
import type { Machine } from "../machine.ts";
import { ContextFlags, writeContextRecord } from "./context-record.ts";
import { createCrashReport } from "./crash-report.ts";
import { EXTENDED_STATE_SIZE, hasExtendedState, writeExtendedState } from "./extended-state.ts";
import { terminateProcess } from "./termination.ts";
import { takeGuardPage, withUserStack } from "./user-stack.ts";
import type { Thread } from "./thread.ts";

/** ExceptionInformation of a stack fault: NT takes the processor's error code, which is 0, for a selector of user mode's, and has no address. */
const STACK_FAULT = [3n, 0n] as const;

const EXCEPTION_NONCONTINUABLE = 1;
/** EXCEPTION_RECORD.ExceptionInformation[0] of an access violation. */
const accessCode = { read: 0n, write: 1n, execute: 8n } as const;

/** KiUserExceptionDispatcher's frame: CONTEXT, CONTEXT_EX, the record, then a machine frame; then extended state, where there is any. */
const FRAME = { contextEx: 0x4d0, record: 0x4f0, machine: 0x590, size: 0x5c0 } as const;
/** XSAVE's. */
const EXTENDED_ALIGNMENT = 64;
/** Wine 8's dispatcher stores four words right below the interrupted code's stack pointer. */
const WORDS_BELOW_TOP = 0x20;

/** INT vectors that mean something to NT. */
const INT_FASTFAIL = 0x29;
const INT_ASSERTION = 0x2c;
const INT_DEBUG_SERVICE = 0x2d;

type ProcessorExit = Extract<Exit, { reason: "fault" | "exception" | "breakpoint" | "interrupt" }>;

export function raiseProcessorException(machine: Machine, thread: Thread, exit: ProcessorExit): void {
  const { context } = thread;
  const raise = (code: NtStatus, parameters: readonly bigint[] = []): void =>
    dispatchException(machine, thread, { code, address: context.rip, flags: 0, parameters, firstChance: true }, true);
  switch (exit.reason) {
    case "fault": {
      switch (exit.vector) {
        case "GP":
          raise(ntstatus.STATUS_ACCESS_VIOLATION, [0n, 0xffff_ffff_ffff_ffffn]);
          return;
        case "SS":
          raise(ntstatus.STATUS_ACCESS_VIOLATION, STACK_FAULT);
          return;
        case "PF":
      }
      const parameters = [accessCode[exit.access], BigInt(exit.address)];
      switch (takeGuardPage(thread, exit.address)) {
        case "grown":
          return;
        case "guard":
          raise(ntstatus.STATUS_GUARD_PAGE_VIOLATION, parameters);
          return;
        case "overflow":
          raise(ntstatus.STATUS_STACK_OVERFLOW, parameters);
          return;
        case "none":
          raise(ntstatus.STATUS_ACCESS_VIOLATION, parameters);
          return;
      }
      return;
    }
    case "breakpoint":
      // RIP stands after INT3; NT shows the instruction itself.
      context.rip -= 1;
      raise(ntstatus.STATUS_BREAKPOINT, [0n]);
      return;
    case "interrupt":
      context.rip -= 2;
      switch (exit.vector) {
        case INT_FASTFAIL:
          secondChance(machine, thread, {
            code: ntstatus.STATUS_STACK_BUFFER_OVERRUN,
            address: context.rip,
            flags: EXCEPTION_NONCONTINUABLE,
            parameters: [context.get(Register.RCX) & 0xffff_ffffn],
            firstChance: false,
          });
          return;
        case INT_ASSERTION:
          raise(ntstatus.STATUS_ASSERTION_FAILURE);
          return;
        case 3:
        case INT_DEBUG_SERVICE:
          raise(ntstatus.STATUS_BREAKPOINT, [0n]);
          return;
        default:
          // No gate that user mode may use.
          raise(ntstatus.STATUS_ACCESS_VIOLATION, [0n, 0xffff_ffff_ffff_ffffn]);
          return;
      }
    case "exception":
      switch (exit.vector) {
        case "DE":
          raise(ntstatus.STATUS_INTEGER_DIVIDE_BY_ZERO);
          return;
        case "DB":
          context.rflags &= ~Flag.TF;
          raise(ntstatus.STATUS_SINGLE_STEP);
          return;
        case "UD":
          raise(ntstatus.STATUS_ILLEGAL_INSTRUCTION);
          return;
        case "GP":
          if (isPrivileged(thread)) raise(ntstatus.STATUS_PRIVILEGED_INSTRUCTION);
          else raise(ntstatus.STATUS_ACCESS_VIOLATION, [0n, 0xffff_ffff_ffff_ffffn]);
          return;
        case "MF":
          raise(
            floatingPointStatus(context.view.getUint16(layout.fsw, true) & ~context.view.getUint16(layout.fcw, true)),
            [0n],
          );
          return;
        case "XM":
          raise(floatingPointStatus(context.mxcsr & ~(context.mxcsr >> 7)), [0n]);
          return;
        case "AC":
          raise(ntstatus.STATUS_DATATYPE_MISALIGNMENT);
          return;
      }
  }
}

/** IE, DE, ZE, OE, UE, PE: the same bits in the x87 status word and MXCSR. */
function floatingPointStatus(unmasked: number): NtStatus {
  if (unmasked & 0x1) return ntstatus.STATUS_FLOAT_INVALID_OPERATION;
  if (unmasked & 0x4) return ntstatus.STATUS_FLOAT_DIVIDE_BY_ZERO;
  if (unmasked & 0x2) return ntstatus.STATUS_FLOAT_INVALID_OPERATION;
  if (unmasked & 0x8) return ntstatus.STATUS_FLOAT_OVERFLOW;
  if (unmasked & 0x10) return ntstatus.STATUS_FLOAT_UNDERFLOW;
  return ntstatus.STATUS_FLOAT_INEXACT_RESULT;
}

/** Opcodes that need ring 0 or I/O privilege: HLT, CLI, STI, IN, OUT, INS, OUTS, and of 0F: CLTS, INVD, WBINVD, MOV CR/DR, WRMSR, RDMSR. */
const PRIVILEGED = new Set([0xf4, 0xfa, 0xfb, 0x6c, 0x6d, 0x6e, 0x6f, 0xe4, 0xe5, 0xe6, 0xe7, 0xec, 0xed, 0xee, 0xef]);
const PRIVILEGED_0F = new Set([0x06, 0x08, 0x09, 0x20, 0x21, 0x22, 0x23, 0x30, 0x32]);

function isPrivileged({ context, process }: Thread): boolean {
  let at = context.rip;
  const byte = (): number => process.memory.peek(at++, 1)[0];
  let opcode = byte();
  while ((opcode & 0xf0) === 0x40 || opcode === 0x66 || opcode === 0xf2 || opcode === 0xf3) opcode = byte();
  return opcode === 0x0f ? PRIVILEGED_0F.has(byte()) : PRIVILEGED.has(opcode);
}

/** Gives the guest the exception, or ends the process where the guest has no dispatcher or has declined. */
export function dispatchException(
  machine: Machine,
  thread: Thread,
  exception: RaisedException,
  hardware: boolean,
): void {
  const { process } = thread;
  if (hardware) process.lastException = createCrashReport(thread, exception);
  const dispatcher = process.entries?.KiUserExceptionDispatcher ?? 0;
  if (!exception.firstChance || dispatcher === 0) {
    secondChance(machine, thread, exception);
    return;
  }
  machine.observer.event({ kind: "exception", thread, exception });
  const { context } = thread;
  const { memory } = process;
  const top = context.getNumber(Register.RSP);
  const extended = hasExtendedState(machine.cpu);
  const size = FRAME.size + (extended ? EXTENDED_STATE_SIZE : 0);
  const highest = top - WORDS_BELOW_TOP - size;
  const frame = highest - (highest % (extended ? EXTENDED_ALIGNMENT : 16));
  const failure = withUserStack(thread, frame, () => {
    memory.write(frame, new Uint8Array(size));
    writeContextRecord(memory, frame, context, ContextFlags.CONTEXT_AMD64 | ContextFlags.CONTEXT_ALL);
    CONTEXT_EX.write(memory, frame + FRAME.contextEx, {
      AllOffset: -CONTEXT.size,
      AllLength: extended ? size : CONTEXT.size + CONTEXT_EX.size,
      LegacyOffset: -CONTEXT.size,
      LegacyLength: CONTEXT.size,
      XStateOffset: extended ? FRAME.size - FRAME.contextEx : CONTEXT_EX.size,
      XStateLength: extended ? EXTENDED_STATE_SIZE : 0,
    });
    if (extended) {
      writeExtendedState(memory, frame + FRAME.size, context, StateComponent.avx);
      CONTEXT.set(memory, frame, {
        ContextFlags: ContextFlags.CONTEXT_AMD64 | ContextFlags.CONTEXT_ALL | ContextFlags.CONTEXT_XSTATE,
      });
    }
    EXCEPTION_RECORD.write(memory, frame + FRAME.record, {
      ExceptionCode: exception.code,
      ExceptionFlags: exception.flags,
      ExceptionRecord: 0,
      ExceptionAddress: exception.address,
      NumberParameters: exception.parameters.length,
      ExceptionInformation: exception.parameters,
    });
    memory.writePointer(frame + FRAME.machine, context.rip);
    memory.writePointer(frame + FRAME.machine + 8, 0x33);
    memory.writePointer(frame + FRAME.machine + 16, context.rflags);
    memory.writePointer(frame + FRAME.machine + 24, top);
    memory.writePointer(frame + FRAME.machine + 32, 0x2b);
    context.setNumber(Register.RSP, frame);
    context.rflags &= ~(Flag.DF | Flag.TF | Flag.AC);
    context.rip = dispatcher;
  });
  if (failure === undefined) return;
  // Where the stack is none at all, what was to be told is what ends the process.
  const code = failure === ntstatus.STATUS_STACK_OVERFLOW ? failure : exception.code;
  secondChance(machine, thread, { ...exception, code, firstChance: false });
}

/** Nobody handled it: the process ends with the exception's code. */
export function secondChance(machine: Machine, thread: Thread, exception: RaisedException): void {
  const { process } = thread;
  const last = process.lastException;
  const report =
    last?.code === exception.code && last.threadId === thread.id ? last : createCrashReport(thread, exception);
  process.lastException = undefined;
  machine.observer.event({ kind: "crash", process, report });
  terminateProcess(machine, process, exception.code);
}

/** The process ends itself: with the code of its last exception, this is how an unhandled exception looks from the kernel. */
export function reportUnhandledException(machine: Machine, thread: Thread, status: NtStatus): void {
  const last = thread.process.lastException;
  if (last?.code === status && last.threadId === thread.id) {
    machine.observer.event({ kind: "crash", process: thread.process, report: last });
  }
}
