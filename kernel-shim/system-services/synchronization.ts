/** Events, mutants, semaphores, timers, keyed events, completion ports, waits and alerts. */
import {
  EventAccess, KeyedEventAccess, MutantAccess, SemaphoreAccess, StandardAccess, ThreadAccess, TimerAccess,
} from "../abi/access.ts"; // prettier-ignore
import { ntstatus, type NtStatus } from "../abi/ntstatus.ts";
import { OBJECT_ATTRIBUTES } from "../abi/structures.ts";
import { at, struct } from "../abi/struct.ts";
import {
  BOOLEAN,
  enumeration,
  HANDLE,
  LARGE_INTEGER,
  LONG,
  PVOID,
  u32,
  u8,
  ULONG,
  ULONG_LENGTH,
  ULONG_PTR,
} from "../abi/type.ts";
import { DispatcherObject } from "../executive/dispatcher-object.ts";
import { Event } from "../executive/event.ts";
import { KeyedEvent } from "../executive/keyed-event.ts";
import { Mutant } from "../executive/mutant.ts";
import { Semaphore } from "../executive/semaphore.ts";
import { Timer } from "../executive/timer.ts";
import { Wait } from "../executive/wait.ts";
import { Thread } from "../process-manager/thread.ts";
import type { OutBuffer, OutPointer, ServiceCall, ServiceResult } from "./service.ts";
import { arrayOf, full, optional, out, outBuffer, partial, pointer, systemService, value } from "./service.ts";

const { SYNCHRONIZE } = StandardAccess;
const EVENT_TYPE = enumeration("EVENT_TYPE", { NotificationEvent: 0, SynchronizationEvent: 1 });
const TIMER_TYPE = enumeration("TIMER_TYPE", { NotificationTimer: 0, SynchronizationTimer: 1 });

/** The query services have one class each, which demands the structure's exact size. */
function answer(
  informationClass: number,
  buffer: OutBuffer,
  returnLength: OutPointer<number> | undefined,
  size: number,
  write: (address: number) => void,
): NtStatus {
  if (informationClass !== 0) return ntstatus.STATUS_INVALID_INFO_CLASS;
  if (buffer.length !== size) return ntstatus.STATUS_INFO_LENGTH_MISMATCH;
  write(buffer.address);
  returnLength?.set(size);
  return ntstatus.STATUS_SUCCESS;
}

// Events

export const NtCreateEvent = systemService("NtCreateEvent", {
  support: partial("the security descriptor is not enforced"),
  params: {
    EventHandle: out(HANDLE),
    DesiredAccess: value(EventAccess),
    ObjectAttributes: optional(pointer(OBJECT_ATTRIBUTES)),
    EventType: value(EVENT_TYPE),
    InitialState: value(BOOLEAN),
  },
  run(call, { EventHandle, DesiredAccess, ObjectAttributes, EventType, InitialState }) {
    if (EVENT_TYPE.nameOf(EventType) === undefined) return ntstatus.STATUS_INVALID_PARAMETER;
    const { status, handle } = call.createObject(
      ObjectAttributes,
      DesiredAccess,
      Event,
      () => new Event(EventType === EVENT_TYPE.NotificationEvent, InitialState),
    );
    EventHandle.set(handle);
    return status;
  },
});
export const NtOpenEvent = systemService("NtOpenEvent", {
  support: full,
  params: { EventHandle: out(HANDLE), DesiredAccess: value(EventAccess), ObjectAttributes: pointer(OBJECT_ATTRIBUTES) },
  run(call, { EventHandle, DesiredAccess, ObjectAttributes }) {
    EventHandle.set(call.openObject(ObjectAttributes, DesiredAccess, Event));
    return ntstatus.STATUS_SUCCESS;
  },
});
const eventState = { EventHandle: value(HANDLE), PreviousState: optional(out(LONG)) };
export const NtSetEvent = systemService("NtSetEvent", {
  support: full,
  params: eventState,
  run(call, { EventHandle, PreviousState }) {
    const before = call.reference(EventHandle, Event, EventAccess.EVENT_MODIFY_STATE).set(call.machine);
    PreviousState?.set(before ? 1 : 0);
    return ntstatus.STATUS_SUCCESS;
  },
});
export const NtResetEvent = systemService("NtResetEvent", {
  support: full,
  params: eventState,
  run(call, { EventHandle, PreviousState }) {
    const before = call.reference(EventHandle, Event, EventAccess.EVENT_MODIFY_STATE).reset();
    PreviousState?.set(before ? 1 : 0);
    return ntstatus.STATUS_SUCCESS;
  },
});
export const NtClearEvent = systemService("NtClearEvent", {
  support: full,
  params: { EventHandle: value(HANDLE) },
  run(call, { EventHandle }) {
    call.reference(EventHandle, Event, EventAccess.EVENT_MODIFY_STATE).reset();
    return ntstatus.STATUS_SUCCESS;
  },
});
export const NtPulseEvent = systemService("NtPulseEvent", {
  support: full,
  params: eventState,
  run(call, { EventHandle, PreviousState }) {
    const event = call.reference(EventHandle, Event, EventAccess.EVENT_MODIFY_STATE);
    const before = event.set(call.machine);
    event.reset();
    PreviousState?.set(before ? 1 : 0);
    return ntstatus.STATUS_SUCCESS;
  },
});
const EVENT_BASIC_INFORMATION = struct("EVENT_BASIC_INFORMATION", 8, {
  EventType: at(0, EVENT_TYPE),
  EventState: at(4, LONG),
});
export const NtQueryEvent = systemService("NtQueryEvent", {
  support: full,
  params: {
    EventHandle: value(HANDLE),
    EventInformationClass: value(ULONG),
    EventInformation: outBuffer("EventInformationLength"),
    EventInformationLength: value(ULONG_LENGTH),
    ReturnLength: optional(out(ULONG_LENGTH)),
  },
  run(call, { EventHandle, EventInformationClass, EventInformation, ReturnLength }) {
    return answer(EventInformationClass, EventInformation, ReturnLength, EVENT_BASIC_INFORMATION.size, (address) => {
      const event = call.reference(EventHandle, Event, EventAccess.EVENT_QUERY_STATE);
      EVENT_BASIC_INFORMATION.write(call.memory, address, {
        EventType: event.notification ? 0 : 1,
        EventState: event.signaled ? 1 : 0,
      });
    });
  },
});

// Mutants

export const NtCreateMutant = systemService("NtCreateMutant", {
  support: full,
  params: {
    MutantHandle: out(HANDLE),
    DesiredAccess: value(MutantAccess),
    ObjectAttributes: optional(pointer(OBJECT_ATTRIBUTES)),
    InitialOwner: value(BOOLEAN),
  },
  run(call, { MutantHandle, DesiredAccess, ObjectAttributes, InitialOwner }) {
    const { status, handle } = call.createObject(ObjectAttributes, DesiredAccess, Mutant, () => {
      const mutant = new Mutant();
      if (InitialOwner) mutant.acquire(call.thread);
      return mutant;
    });
    MutantHandle.set(handle);
    return status;
  },
});
export const NtOpenMutant = systemService("NtOpenMutant", {
  support: full,
  params: {
    MutantHandle: out(HANDLE),
    DesiredAccess: value(MutantAccess),
    ObjectAttributes: pointer(OBJECT_ATTRIBUTES),
  },
  run(call, { MutantHandle, DesiredAccess, ObjectAttributes }) {
    MutantHandle.set(call.openObject(ObjectAttributes, DesiredAccess, Mutant));
    return ntstatus.STATUS_SUCCESS;
  },
});
export const NtReleaseMutant = systemService("NtReleaseMutant", {
  support: full,
  params: { MutantHandle: value(HANDLE), PreviousCount: optional(out(LONG)) },
  run(call, { MutantHandle, PreviousCount }) {
    const mutant = call.reference(MutantHandle, Mutant, 0);
    if (mutant.owner !== call.thread) return ntstatus.STATUS_MUTANT_NOT_OWNED;
    PreviousCount?.set(1 - mutant.recursion);
    if (mutant.release()) call.machine.scheduler.signal(mutant);
    return ntstatus.STATUS_SUCCESS;
  },
});
const MUTANT_BASIC_INFORMATION = struct("MUTANT_BASIC_INFORMATION", 8, {
  CurrentCount: at(0, LONG),
  OwnedByCaller: at(4, u8),
  AbandonedState: at(5, u8),
});
export const NtQueryMutant = systemService("NtQueryMutant", {
  support: partial("the class MutantBasicInformation"),
  params: {
    MutantHandle: value(HANDLE),
    MutantInformationClass: value(ULONG),
    MutantInformation: outBuffer("MutantInformationLength"),
    MutantInformationLength: value(ULONG_LENGTH),
    ReturnLength: optional(out(ULONG_LENGTH)),
  },
  run(call, { MutantHandle, MutantInformationClass, MutantInformation, ReturnLength }) {
    return answer(MutantInformationClass, MutantInformation, ReturnLength, MUTANT_BASIC_INFORMATION.size, (address) => {
      const mutant = call.reference(MutantHandle, Mutant, MutantAccess.MUTANT_QUERY_STATE);
      MUTANT_BASIC_INFORMATION.write(call.memory, address, {
        CurrentCount: 1 - mutant.recursion,
        OwnedByCaller: mutant.owner === call.thread ? 1 : 0,
        AbandonedState: mutant.abandoned ? 1 : 0,
      });
    });
  },
});

// Semaphores

export const NtCreateSemaphore = systemService("NtCreateSemaphore", {
  support: full,
  params: {
    SemaphoreHandle: out(HANDLE),
    DesiredAccess: value(SemaphoreAccess),
    ObjectAttributes: optional(pointer(OBJECT_ATTRIBUTES)),
    InitialCount: value(LONG),
    MaximumCount: value(LONG),
  },
  run(call, { SemaphoreHandle, DesiredAccess, ObjectAttributes, InitialCount, MaximumCount }) {
    if (MaximumCount <= 0 || InitialCount < 0 || InitialCount > MaximumCount) return ntstatus.STATUS_INVALID_PARAMETER;
    const { status, handle } = call.createObject(
      ObjectAttributes,
      DesiredAccess,
      Semaphore,
      () => new Semaphore(InitialCount, MaximumCount),
    );
    SemaphoreHandle.set(handle);
    return status;
  },
});
export const NtOpenSemaphore = systemService("NtOpenSemaphore", {
  support: full,
  params: {
    SemaphoreHandle: out(HANDLE),
    DesiredAccess: value(SemaphoreAccess),
    ObjectAttributes: pointer(OBJECT_ATTRIBUTES),
  },
  run(call, { SemaphoreHandle, DesiredAccess, ObjectAttributes }) {
    SemaphoreHandle.set(call.openObject(ObjectAttributes, DesiredAccess, Semaphore));
    return ntstatus.STATUS_SUCCESS;
  },
});
export const NtReleaseSemaphore = systemService("NtReleaseSemaphore", {
  support: full,
  params: { SemaphoreHandle: value(HANDLE), ReleaseCount: value(LONG), PreviousCount: optional(out(LONG)) },
  run(call, { SemaphoreHandle, ReleaseCount, PreviousCount }) {
    if (ReleaseCount <= 0) return ntstatus.STATUS_INVALID_PARAMETER;
    const semaphore = call.reference(SemaphoreHandle, Semaphore, SemaphoreAccess.SEMAPHORE_MODIFY_STATE);
    if (ReleaseCount > semaphore.limit - semaphore.count) return ntstatus.STATUS_SEMAPHORE_LIMIT_EXCEEDED;
    PreviousCount?.set(semaphore.count);
    semaphore.count += ReleaseCount;
    call.machine.scheduler.signal(semaphore);
    return ntstatus.STATUS_SUCCESS;
  },
});
const SEMAPHORE_BASIC_INFORMATION = struct("SEMAPHORE_BASIC_INFORMATION", 8, {
  CurrentCount: at(0, u32),
  MaximumCount: at(4, u32),
});
export const NtQuerySemaphore = systemService("NtQuerySemaphore", {
  support: full,
  params: {
    SemaphoreHandle: value(HANDLE),
    SemaphoreInformationClass: value(ULONG),
    SemaphoreInformation: outBuffer("SemaphoreInformationLength"),
    SemaphoreInformationLength: value(ULONG_LENGTH),
    ReturnLength: optional(out(ULONG_LENGTH)),
  },
  run(call, { SemaphoreHandle, SemaphoreInformationClass, SemaphoreInformation, ReturnLength }) {
    return answer(
      SemaphoreInformationClass,
      SemaphoreInformation,
      ReturnLength,
      SEMAPHORE_BASIC_INFORMATION.size,
      (address) => {
        const { count, limit } = call.reference(SemaphoreHandle, Semaphore, SemaphoreAccess.SEMAPHORE_QUERY_STATE);
        SEMAPHORE_BASIC_INFORMATION.write(call.memory, address, { CurrentCount: count, MaximumCount: limit });
      },
    );
  },
});

// Timers

const UNITS_PER_MILLISECOND = 10_000;

export const NtCreateTimer = systemService("NtCreateTimer", {
  support: full,
  params: {
    TimerHandle: out(HANDLE),
    DesiredAccess: value(TimerAccess),
    ObjectAttributes: optional(pointer(OBJECT_ATTRIBUTES)),
    TimerType: value(TIMER_TYPE),
  },
  run(call, { TimerHandle, DesiredAccess, ObjectAttributes, TimerType }) {
    if (TIMER_TYPE.nameOf(TimerType) === undefined) return ntstatus.STATUS_INVALID_PARAMETER_4;
    const { status, handle } = call.createObject(
      ObjectAttributes,
      DesiredAccess,
      Timer,
      () => new Timer(TimerType === TIMER_TYPE.NotificationTimer),
    );
    TimerHandle.set(handle);
    return status;
  },
});
export const NtOpenTimer = systemService("NtOpenTimer", {
  support: full,
  params: { TimerHandle: out(HANDLE), DesiredAccess: value(TimerAccess), ObjectAttributes: pointer(OBJECT_ATTRIBUTES) },
  run(call, { TimerHandle, DesiredAccess, ObjectAttributes }) {
    TimerHandle.set(call.openObject(ObjectAttributes, DesiredAccess, Timer));
    return ntstatus.STATUS_SUCCESS;
  },
});
export const NtSetTimer = systemService("NtSetTimer", {
  support: partial("never wakes a sleeping machine"),
  params: {
    TimerHandle: value(HANDLE),
    DueTime: pointer(LARGE_INTEGER),
    TimerApcRoutine: value(PVOID),
    TimerContext: value(ULONG_PTR),
    ResumeTimer: value(BOOLEAN),
    Period: value(LONG),
    PreviousState: optional(out(BOOLEAN)),
  },
  run(call, { TimerHandle, DueTime, TimerApcRoutine, TimerContext, Period, PreviousState }) {
    if (Period < 0) return ntstatus.STATUS_INVALID_PARAMETER_6;
    const timer = call.reference(TimerHandle, Timer, TimerAccess.TIMER_MODIFY_STATE);
    PreviousState?.set(timer.signaled);
    const due = call.deadlineOf(DueTime);
    // The routine is called with the context and the time at which the timer was due, in two halves.
    const time = call.machine.clock.startTime + BigInt(Math.floor(due));
    const apc =
      TimerApcRoutine === 0
        ? undefined
        : {
            thread: call.thread,
            apc: {
              routine: TimerApcRoutine,
              arguments: [BigInt(TimerContext), time & 0xffff_ffffn, time >> 32n] as const,
              special: false,
            },
          };
    timer.set(call.machine, due, Period * UNITS_PER_MILLISECOND, apc);
    return ntstatus.STATUS_SUCCESS;
  },
});
export const NtCancelTimer = systemService("NtCancelTimer", {
  support: full,
  params: { TimerHandle: value(HANDLE), CurrentState: optional(out(BOOLEAN)) },
  run(call, { TimerHandle, CurrentState }) {
    const timer = call.reference(TimerHandle, Timer, TimerAccess.TIMER_MODIFY_STATE);
    timer.cancel(call.machine);
    CurrentState?.set(timer.signaled);
    return ntstatus.STATUS_SUCCESS;
  },
});
const TIMER_BASIC_INFORMATION = struct("TIMER_BASIC_INFORMATION", 0x10, {
  RemainingTime: at(0, LARGE_INTEGER),
  TimerState: at(8, BOOLEAN),
});
export const NtQueryTimer = systemService("NtQueryTimer", {
  support: full,
  params: {
    TimerHandle: value(HANDLE),
    TimerInformationClass: value(ULONG),
    TimerInformation: outBuffer("TimerInformationLength"),
    TimerInformationLength: value(ULONG_LENGTH),
    ReturnLength: optional(out(ULONG_LENGTH)),
  },
  run(call, { TimerHandle, TimerInformationClass, TimerInformation, ReturnLength }) {
    return answer(TimerInformationClass, TimerInformation, ReturnLength, TIMER_BASIC_INFORMATION.size, (address) => {
      const timer = call.reference(TimerHandle, Timer, TimerAccess.TIMER_QUERY_STATE);
      const remaining = timer.active ? Math.max(0, timer.due - call.machine.clock.interruptTime) : 0;
      TIMER_BASIC_INFORMATION.write(call.memory, address, {
        RemainingTime: BigInt(Math.floor(remaining)),
        TimerState: timer.signaled,
      });
    });
  },
});

// Waits

const MAXIMUM_WAIT_OBJECTS = 64;

function waitable(call: ServiceCall, handle: number): DispatcherObject {
  const object = call.objectOf(handle);
  if (object === undefined) throw call.fail(ntstatus.STATUS_INVALID_HANDLE);
  if ((call.grantedAccess(handle) & SYNCHRONIZE) === 0) throw call.fail(ntstatus.STATUS_ACCESS_DENIED);
  // Types that nobody can signal share one object that always is.
  return object instanceof DispatcherObject ? object : call.machine.defaultObject;
}

export const NtWaitForSingleObject = systemService("NtWaitForSingleObject", {
  support: full,
  params: { Handle: value(HANDLE), Alertable: value(BOOLEAN), Timeout: optional(pointer(LARGE_INTEGER)) },
  run(call, { Handle, Alertable, Timeout }) {
    return new Wait({ objects: [waitable(call, Handle)], alertable: Alertable, deadline: call.deadlineOf(Timeout) });
  },
});
const WAIT_TYPE = enumeration("WAIT_TYPE", { WaitAll: 0, WaitAny: 1 });
export const NtWaitForMultipleObjects = systemService("NtWaitForMultipleObjects", {
  support: full,
  params: {
    Count: value(ULONG_LENGTH),
    Handles: arrayOf(HANDLE, "Count", MAXIMUM_WAIT_OBJECTS),
    WaitType: value(WAIT_TYPE),
    Alertable: value(BOOLEAN),
    Timeout: optional(pointer(LARGE_INTEGER)),
  },
  run(call, { Count, Handles, WaitType, Alertable, Timeout }) {
    if (Count === 0 || Count > MAXIMUM_WAIT_OBJECTS) return ntstatus.STATUS_INVALID_PARAMETER_1;
    if (WAIT_TYPE.nameOf(WaitType) === undefined) return ntstatus.STATUS_INVALID_PARAMETER_3;
    const objects = Handles.map((handle) => waitable(call, handle));
    const all = WaitType === WAIT_TYPE.WaitAll;
    if (all && new Set(objects).size < objects.length) return ntstatus.STATUS_INVALID_PARAMETER_MIX;
    return new Wait({ objects, all, alertable: Alertable, deadline: call.deadlineOf(Timeout) });
  },
});
export const NtSignalAndWaitForSingleObject = systemService("NtSignalAndWaitForSingleObject", {
  support: full,
  params: {
    SignalHandle: value(HANDLE),
    WaitHandle: value(HANDLE),
    Alertable: value(BOOLEAN),
    Timeout: optional(pointer(LARGE_INTEGER)),
  },
  run(call, { SignalHandle, WaitHandle, Alertable, Timeout }) {
    const object = waitable(call, WaitHandle);
    const signaled = call.objectOf(SignalHandle);
    const { scheduler } = call.machine;
    if (signaled === undefined) return ntstatus.STATUS_INVALID_HANDLE;
    if (signaled instanceof Event) {
      call.reference(SignalHandle, Event, EventAccess.EVENT_MODIFY_STATE).set(call.machine);
    } else if (signaled instanceof Semaphore) {
      const semaphore = call.reference(SignalHandle, Semaphore, SemaphoreAccess.SEMAPHORE_MODIFY_STATE);
      if (semaphore.count >= semaphore.limit) return ntstatus.STATUS_SEMAPHORE_LIMIT_EXCEEDED;
      semaphore.count++;
      scheduler.signal(semaphore);
    } else if (signaled instanceof Mutant) {
      if (signaled.owner !== call.thread) return ntstatus.STATUS_MUTANT_NOT_OWNED;
      if (signaled.release()) scheduler.signal(signaled);
    } else {
      return ntstatus.STATUS_OBJECT_TYPE_MISMATCH;
    }
    return new Wait({ objects: [object], alertable: Alertable, deadline: call.deadlineOf(Timeout) });
  },
});
export const NtDelayExecution = systemService("NtDelayExecution", {
  support: full,
  params: { Alertable: value(BOOLEAN), DelayInterval: optional(pointer(LARGE_INTEGER)) },
  run(call, { Alertable, DelayInterval }): ServiceResult {
    if (call.restarted !== undefined)
      return call.restarted === ntstatus.STATUS_TIMEOUT ? ntstatus.STATUS_SUCCESS : call.restarted;
    // An alertable sleep of no length still takes what has come.
    const interrupted = Alertable && (call.thread.alerted || call.thread.apcs.length > 0);
    if (DelayInterval === 0n && !interrupted)
      return call.machine.scheduler.yield() ? ntstatus.STATUS_SUCCESS : ntstatus.STATUS_NO_YIELD_PERFORMED;
    return new Wait({ alertable: Alertable, deadline: call.deadlineOf(DelayInterval), restart: true });
  },
});
export const NtYieldExecution = systemService("NtYieldExecution", {
  support: full,
  params: {},
  run: (call) => (call.machine.scheduler.yield() ? ntstatus.STATUS_SUCCESS : ntstatus.STATUS_NO_YIELD_PERFORMED),
});

// Alerts

function threadById(call: ServiceCall, id: number): Thread | undefined {
  return call.process.threads.find((thread) => thread.id === id && thread.state !== "terminated");
}
/** Waits by thread id use keys that no address is. */
const ALERT_BY_ID = -1;

export const NtAlertThreadByThreadId = systemService("NtAlertThreadByThreadId", {
  support: full,
  params: { ThreadId: value(HANDLE) },
  run(call, { ThreadId }) {
    const thread = threadById(call, ThreadId);
    if (thread === undefined) return ntstatus.STATUS_INVALID_CID;
    if (thread.wait?.key === ALERT_BY_ID) call.machine.scheduler.wake(thread, ntstatus.STATUS_ALERTED);
    else thread.alertedById = true;
    return ntstatus.STATUS_SUCCESS;
  },
});
export const NtWaitForAlertByThreadId = systemService("NtWaitForAlertByThreadId", {
  support: full,
  params: { Address: value(PVOID), Timeout: optional(pointer(LARGE_INTEGER)) },
  run(call, { Timeout }) {
    if (call.thread.alertedById) {
      call.thread.alertedById = false;
      return ntstatus.STATUS_ALERTED;
    }
    return new Wait({ key: ALERT_BY_ID, deadline: call.deadlineOf(Timeout) });
  },
});
function alert(call: ServiceCall, thread: Thread): void {
  if (thread.wait?.alertable) call.machine.scheduler.wake(thread, ntstatus.STATUS_ALERTED);
  else thread.alerted = true;
}
export const NtAlertThread = systemService("NtAlertThread", {
  support: full,
  params: { ThreadHandle: value(HANDLE) },
  run(call, { ThreadHandle }) {
    alert(call, call.reference(ThreadHandle, Thread, ThreadAccess.THREAD_ALERT));
    return ntstatus.STATUS_SUCCESS;
  },
});
export const NtAlertResumeThread = systemService("NtAlertResumeThread", {
  support: full,
  params: { ThreadHandle: value(HANDLE), PreviousSuspendCount: optional(out(ULONG_LENGTH)) },
  run(call, { ThreadHandle, PreviousSuspendCount }) {
    const thread = call.reference(ThreadHandle, Thread, ThreadAccess.THREAD_SUSPEND_RESUME);
    alert(call, thread);
    PreviousSuspendCount?.set(thread.suspendCount);
    thread.suspendCount = Math.max(0, thread.suspendCount - 1);
    return ntstatus.STATUS_SUCCESS;
  },
});
export const NtTestAlert = systemService("NtTestAlert", {
  support: full,
  params: {},
  run({ thread }) {
    if (thread.alerted) {
      thread.alerted = false;
      return ntstatus.STATUS_ALERTED;
    }
    if (thread.apcs.length > 0) thread.userApcPending = true;
    return ntstatus.STATUS_SUCCESS;
  },
});

// Keyed events

export const NtCreateKeyedEvent = systemService("NtCreateKeyedEvent", {
  support: full,
  params: {
    KeyedEventHandle: out(HANDLE),
    DesiredAccess: value(KeyedEventAccess),
    ObjectAttributes: optional(pointer(OBJECT_ATTRIBUTES)),
    Flags: value(ULONG),
  },
  run(call, { KeyedEventHandle, DesiredAccess, ObjectAttributes, Flags }) {
    if (Flags !== 0) return ntstatus.STATUS_INVALID_PARAMETER_4;
    const { status, handle } = call.createObject(ObjectAttributes, DesiredAccess, KeyedEvent, () => new KeyedEvent());
    KeyedEventHandle.set(handle);
    return status;
  },
});
export const NtOpenKeyedEvent = systemService("NtOpenKeyedEvent", {
  support: full,
  params: {
    KeyedEventHandle: out(HANDLE),
    DesiredAccess: value(KeyedEventAccess),
    ObjectAttributes: pointer(OBJECT_ATTRIBUTES),
  },
  run(call, { KeyedEventHandle, DesiredAccess, ObjectAttributes }) {
    KeyedEventHandle.set(call.openObject(ObjectAttributes, DesiredAccess, KeyedEvent));
    return ntstatus.STATUS_SUCCESS;
  },
});
const keyedEventParameters = {
  KeyedEventHandle: value(HANDLE),
  KeyValue: value(PVOID),
  Alertable: value(BOOLEAN),
  Timeout: optional(pointer(LARGE_INTEGER)),
};
interface KeyedEventArguments {
  readonly KeyedEventHandle: number;
  readonly KeyValue: number;
  readonly Alertable: boolean;
  readonly Timeout: bigint | undefined;
}
/** One side comes to the meeting: it goes on at once where the other waits, and waits itself where not. */
function meet(
  call: ServiceCall,
  { KeyedEventHandle, KeyValue, Alertable, Timeout }: KeyedEventArguments,
  release: boolean,
): ServiceResult {
  if (KeyValue & 1) return ntstatus.STATUS_INVALID_PARAMETER_1;
  // A handle of 0 is the event of the whole system, under which critical sections meet when memory is short.
  const event =
    KeyedEventHandle === 0
      ? call.machine.keyedEvent
      : call.reference(
          KeyedEventHandle,
          KeyedEvent,
          release ? KeyedEventAccess.KEYEDEVENT_WAKE : KeyedEventAccess.KEYEDEVENT_WAIT,
        );
  const leave = (): void => {
    const own = event.waiting.findIndex((one) => one.thread === call.thread);
    if (own >= 0) event.waiting.splice(own, 1);
  };
  if (call.restarted !== undefined) {
    leave();
    return call.restarted;
  }
  const partner = event.waiting.findIndex(
    (one) =>
      one.key === KeyValue &&
      one.release !== release &&
      one.thread.process === call.process &&
      one.thread.state === "waiting",
  );
  if (partner >= 0) {
    const [{ thread }] = event.waiting.splice(partner, 1);
    call.machine.scheduler.wake(thread, ntstatus.STATUS_SUCCESS);
    return ntstatus.STATUS_SUCCESS;
  }
  event.waiting.push({ thread: call.thread, key: KeyValue, release });
  return new Wait({ key: KeyValue, alertable: Alertable, deadline: call.deadlineOf(Timeout), restart: true });
}
export const NtWaitForKeyedEvent = systemService("NtWaitForKeyedEvent", {
  support: full,
  params: keyedEventParameters,
  run: (call, args) => meet(call, args, false),
});
export const NtReleaseKeyedEvent = systemService("NtReleaseKeyedEvent", {
  support: full,
  params: keyedEventParameters,
  run: (call, args) => meet(call, args, true),
});
