import { Protection } from "../../emulator/cpu.ts";
import { PageProtection } from "../abi/memory.ts";

const { PAGE_NOACCESS, PAGE_READONLY, PAGE_READWRITE, PAGE_WRITECOPY, PAGE_EXECUTE, PAGE_EXECUTE_READ } =
  PageProtection;
const { PAGE_EXECUTE_READWRITE, PAGE_EXECUTE_WRITECOPY, PAGE_GUARD, PAGE_NOCACHE, PAGE_WRITECOMBINE } = PageProtection;

/** What the processor enforces for a PAGE_* value: guard pages fault on every access, so that the kernel notices the first. */
export function hardwareProtection(protect: number): Protection {
  if (protect & PAGE_GUARD) return Protection.None;
  switch (protect & 0xff) {
    case PAGE_READONLY:
      return Protection.Read;
    case PAGE_READWRITE:
    case PAGE_WRITECOPY:
      return Protection.Read | Protection.Write;
    // There is no execute-only on x86 without protection keys.
    case PAGE_EXECUTE:
    case PAGE_EXECUTE_READ:
      return Protection.Read | Protection.Execute;
    case PAGE_EXECUTE_READWRITE:
    case PAGE_EXECUTE_WRITECOPY:
      return Protection.Read | Protection.Write | Protection.Execute;
    default:
      return Protection.None;
  }
}

/** One base protection, known modifiers, and none of them with PAGE_NOACCESS. */
export function isValidProtection(protect: number): boolean {
  const base = protect & 0xff;
  const modifiers = protect & ~0xff;
  if (base === 0 || (base & (base - 1)) !== 0) return false;
  if (modifiers & ~(PAGE_GUARD | PAGE_NOCACHE | PAGE_WRITECOMBINE)) return false;
  return base !== PAGE_NOACCESS || modifiers === 0;
}

/** Private memory has nothing to copy on write. */
export function isPrivateProtection(protect: number): boolean {
  return isValidProtection(protect) && !(protect & (PAGE_WRITECOPY | PAGE_EXECUTE_WRITECOPY));
}

const EXECUTABLE = PAGE_EXECUTE | PAGE_EXECUTE_READ | PAGE_EXECUTE_READWRITE | PAGE_EXECUTE_WRITECOPY;
const READABLE = 0xff & ~(PAGE_NOACCESS | PAGE_EXECUTE);
const WRITABLE = PAGE_READWRITE | PAGE_EXECUTE_READWRITE;

/** Whether pages of a data view that was mapped with `view` may get `protect`: never more than the view has. */
export function viewPermits(view: number, protect: number): boolean {
  if (protect & WRITABLE && !(view & WRITABLE)) return false;
  if (protect & READABLE && !(view & READABLE)) return false;
  return !(protect & EXECUTABLE) || (view & EXECUTABLE) !== 0;
}
