/** Calls that Wine's user mode makes to its own Unix side; see docs on booting. Windows has none of them. */
import { ntstatus } from "../abi/ntstatus.ts";
import { LARGE_INTEGER, PVOID, ULONG, ULONG_LENGTH } from "../abi/type.ts";
import { full, inBuffer, partial, systemService, value } from "./service.ts";

/** Functions of ntdll's Unix half: unwind_builtin_dll unwinds a frame of a Unix library, system_time_precise writes the time to its argument. */
const UNWIND_BUILTIN_DLL = 1;
const SYSTEM_TIME_PRECISE = 2;

export const wineUnixCall = systemService("__wine_unix_call", {
  support: partial("ntdll's system_time_precise only; no module has another Unix half here"),
  params: { Handle: value(PVOID), Code: value(ULONG), Arguments: value(PVOID) },
  run(call, { Handle, Code, Arguments }) {
    if (Handle === call.process.entries?.base && Code === SYSTEM_TIME_PRECISE) {
      LARGE_INTEGER.write(call.memory, Arguments, call.machine.clock.systemTime);
      return ntstatus.STATUS_SUCCESS;
    }
    // No frame is one of a Unix library: this status sends ntdll on to treat it as a leaf function.
    if (Handle === call.process.entries?.base && Code === UNWIND_BUILTIN_DLL) return ntstatus.STATUS_UNSUCCESSFUL;
    const module = call.process.virtualMemory.imageAt(Handle)?.file?.path ?? "an unknown module";
    return call.notImplemented(`unix call ${Code} of ${module.slice(module.lastIndexOf("\\") + 1)}`);
  },
});

export const wineDbgWrite = systemService("__wine_dbg_write", {
  support: full,
  params: { Text: inBuffer("Length"), Length: value(ULONG_LENGTH) },
  returns: ULONG,
  run(call, { Text }) {
    const text = String.fromCharCode(...Text.bytes().subarray(0, 4096));
    call.machine.observer.event({ kind: "debug-output", thread: call.thread, text });
    return BigInt(Text.length);
  },
});
