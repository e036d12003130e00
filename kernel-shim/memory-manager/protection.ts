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
