import { BytesMemory } from "../abi/bytes-memory.ts";
import type { Machine } from "../machine.ts";
import type { HandleEntry } from "../object-manager/handle-table.ts";

interface ListedHandle extends HandleEntry {
  readonly processId: number;
  readonly handle: number;
}

function allHandles(machine: Machine): ListedHandle[] {
  return machine.processes.flatMap((process) =>
    [...process.handles].map(([handle, entry]) => ({ ...entry, processId: process.id, handle })),
  );
}

// Addresses of objects are 0, as Windows shows them to those who may not debug: objects here have none.

/** SYSTEM_HANDLE_INFORMATION */
export function handleList(machine: Machine): Uint8Array {
  const [first, size] = [0x8, 0x18];
  const handles = allHandles(machine);
  const memory = new BytesMemory(first + handles.length * size);
  memory.writeUint32(0, handles.length);
  handles.forEach(({ object, access, attributes, processId, handle }, index) => {
    const at = first + index * size;
    memory.writeUint16(at, processId);
    memory.writeUint8(at + 0x4, object.type.index);
    memory.writeUint8(at + 0x5, attributes);
    memory.writeUint16(at + 0x6, handle);
    memory.writeUint32(at + 0x10, access);
  });
  return memory.bytes;
}

/** SYSTEM_HANDLE_INFORMATION_EX */
export function extendedHandleList(machine: Machine): Uint8Array {
  const [first, size] = [0x10, 0x28];
  const handles = allHandles(machine);
  const memory = new BytesMemory(first + handles.length * size);
  memory.writePointer(0, handles.length);
  handles.forEach(({ object, access, attributes, processId, handle }, index) => {
    const at = first + index * size;
    memory.writePointer(at + 0x8, processId);
    memory.writePointer(at + 0x10, handle);
    memory.writeUint32(at + 0x18, access);
    memory.writeUint16(at + 0x1e, object.type.index);
    memory.writeUint32(at + 0x20, attributes);
  });
  return memory.bytes;
}
