/** The few calls of win32u that console programs make while user32 initializes. There are no windows. */
import { ntstatus } from "../abi/ntstatus.ts";
import { HANDLE, PVOID, ULONG } from "../abi/type.ts";
import { full, systemService, value } from "./service.ts";

const USER_DEFAULT_SCREEN_DPI = 96n;

export const NtUserInitializeClientPfnArrays = systemService("NtUserInitializeClientPfnArrays", {
  support: full,
  params: { ProcsA: value(PVOID), ProcsW: value(PVOID), Workers: value(PVOID), UserModule: value(PVOID) },
  /** The window procedures that user32 offers are for windows that the kernel makes; it makes none. */
  run: () => ntstatus.STATUS_SUCCESS,
});

export const NtUserGetSystemDpiForProcess = systemService("NtUserGetSystemDpiForProcess", {
  support: full,
  params: { ProcessHandle: value(HANDLE) },
  returns: ULONG,
  run: () => USER_DEFAULT_SCREEN_DPI,
});
