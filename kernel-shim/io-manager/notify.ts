import { BytesMemory } from "../abi/bytes-memory.ts";
import { ntstatus } from "../abi/ntstatus.ts";
import { at, struct } from "../abi/struct.ts";
import { encodeUtf16 } from "../abi/structures.ts";
import { u32 } from "../abi/type.ts";
import type { ChangeRecord } from "./directory-watch.ts";
import type { IoManager } from "./io-manager.ts";

/** Followed by the name. */
const FILE_NOTIFY_INFORMATION = struct("FILE_NOTIFY_INFORMATION", 0xc, {
  NextEntryOffset: at(0x0, u32),
  Action: at(0x4, u32),
  FileNameLength: at(0x8, u32),
});

/** Completes the change notifications that have something to tell. Called after everything that changes a volume. */
export function deliverNotifications(io: IoManager): void {
  for (const { volume } of io.volumeDevices) {
    if (volume.watches.length === 0) continue;
    for (const watch of [...volume.watches]) {
      const irp = watch.file && [...watch.file.requests][0];
      if (!irp || !watch.hasNews) continue;
      if (watch.directoryDeleted) {
        irp.complete(ntstatus.STATUS_DELETE_PENDING);
        continue;
      }
      const { records, overflowed } = watch;
      watch.records = [];
      watch.overflowed = false;
      const bytes = overflowed ? undefined : encode(records, irp.length);
      // What does not fit is lost; the caller has to look for itself.
      if (bytes) irp.complete(ntstatus.STATUS_SUCCESS, bytes.length, bytes);
      else irp.complete(ntstatus.STATUS_NOTIFY_ENUM_DIR);
    }
  }
}

function encode(records: readonly ChangeRecord[], limit: number): Uint8Array | undefined {
  const size = (name: string) => FILE_NOTIFY_INFORMATION.size + name.length * 2;
  const starts: number[] = [];
  let end = 0;
  for (const { name } of records) {
    const start = Math.ceil(end / 4) * 4;
    starts.push(start);
    end = start + size(name);
  }
  if (end > limit) return undefined;
  const memory = new BytesMemory(end);
  records.forEach(({ action, name }, i) => {
    const NextEntryOffset = i + 1 < records.length ? starts[i + 1] - starts[i] : 0;
    FILE_NOTIFY_INFORMATION.write(memory, starts[i], {
      NextEntryOffset,
      Action: action,
      FileNameLength: name.length * 2,
    });
    memory.write(starts[i] + FILE_NOTIFY_INFORMATION.size, encodeUtf16(name));
  });
  return memory.bytes;
}
