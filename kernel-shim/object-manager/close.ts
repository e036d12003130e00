import type { Machine } from "../machine.ts";
import type { Process } from "../process-manager/process.ts";
import type { HandleEntry } from "./handle-table.ts";

/** Takes a handle from its table. The object's name goes with its last handle, unless it is permanent. */
export function closeHandle(machine: Machine, process: Process, handle: number): boolean {
  const entry = process.handles.remove(handle);
  if (entry === undefined) return false;
  released(machine, process, entry);
  return true;
}

export function closeAllHandles(machine: Machine, process: Process): void {
  for (const [handle] of [...process.handles]) closeHandle(machine, process, handle);
}

function released(machine: Machine, process: Process, { object }: HandleEntry): void {
  object.handleCount--;
  object.handleClosed?.(process.id);
  if (object.handleCount > 0) return;
  object.lastHandleClosed?.(machine);
  if (!object.permanent && object.directory !== undefined) object.directory.remove(object);
}
