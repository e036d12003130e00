import { ntstatus } from "../abi/ntstatus.ts";
import { EXCEPTION_MAXIMUM_PARAMETERS, EXCEPTION_RECORD } from "../abi/structures.ts";
import { BOOLEAN, PVOID, ULONG } from "../abi/type.ts";
import { readContextRecord } from "../process-manager/context-record.ts";
import { dispatchException } from "../process-manager/exceptions.ts";
import type { ServiceCall, ServiceResult } from "./service.ts";
import { full, missing, NO_RETURN, pointer, systemService, value } from "./service.ts";

function continueAt(call: ServiceCall, contextRecord: number, testAlert: boolean): ServiceResult {
  const status = readContextRecord(call.memory, contextRecord, call.thread.context);
  if (status !== ntstatus.STATUS_SUCCESS) return status;
  if (testAlert && call.thread.apcs.length > 0) call.thread.userApcPending = true;
  return NO_RETURN;
}

export const NtContinue = systemService("NtContinue", {
  support: full,
  params: { ContextRecord: value(PVOID), TestAlert: value(BOOLEAN) },
  run: (call, { ContextRecord, TestAlert }) => continueAt(call, ContextRecord, TestAlert),
});

/** KCONTINUE_ARGUMENT.ContinueFlags. */
const KCONTINUE_FLAG_TEST_ALERT = 1;
export const NtContinueEx = systemService("NtContinueEx", {
  support: full,
  params: { ContextRecord: value(PVOID), ContinueArgument: value(PVOID) },
  run(call, { ContextRecord, ContinueArgument }) {
    // Small values are the BOOLEAN of NtContinue.
    const test =
      ContinueArgument <= 0xff
        ? ContinueArgument !== 0
        : (call.memory.readUint32(ContinueArgument + 4) & KCONTINUE_FLAG_TEST_ALERT) !== 0;
    return continueAt(call, ContextRecord, test);
  },
});

export const NtRaiseException = systemService("NtRaiseException", {
  support: full,
  params: { ExceptionRecord: pointer(EXCEPTION_RECORD), ContextRecord: value(PVOID), FirstChance: value(BOOLEAN) },
  run(call, { ExceptionRecord: record, ContextRecord, FirstChance }) {
    if (record.NumberParameters > EXCEPTION_MAXIMUM_PARAMETERS) return ntstatus.STATUS_INVALID_PARAMETER;
    const status = readContextRecord(call.memory, ContextRecord, call.thread.context);
    if (status !== ntstatus.STATUS_SUCCESS) return status;
    dispatchException(
      call.machine,
      call.thread,
      {
        code: record.ExceptionCode,
        address: record.ExceptionAddress,
        flags: record.ExceptionFlags,
        parameters: record.ExceptionInformation.slice(0, record.NumberParameters),
        firstChance: FirstChance,
      },
      false,
    );
    return NO_RETURN;
  },
});

export const NtRaiseHardError = systemService("NtRaiseHardError", {
  support: missing,
  params: {
    ErrorStatus: value(ULONG),
    NumberOfParameters: value(ULONG),
    UnicodeStringParameterMask: value(ULONG),
    Parameters: value(PVOID),
    ValidResponseOptions: value(ULONG),
    Response: value(PVOID),
  },
});
