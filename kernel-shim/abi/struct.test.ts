import { expect, test } from "vitest";
import { BytesMemory } from "./bytes-memory.ts";
import { EventAccess } from "./access.ts";
import { array, at, struct } from "./struct.ts";
import { HANDLE, u16, u32, u64, ULONG, ULONG_LENGTH } from "./type.ts";

test("fields that overlap, are misaligned or lie outside are rejected", () => {
  expect(() => struct("S", 8, { A: at(0, u32), B: at(2, u16) })).toThrow("S.B at 0x2 overlaps");
  expect(() => struct("S", 16, { A: at(4, u64) })).toThrow("S.A at 0x4 is misaligned");
  expect(() => struct("S", 4, { A: at(0, u32), B: at(4, u16) })).toThrow("beyond the structure");
});

test("reads, writes and shows by field", () => {
  const S = struct("S", 0x20, { Count: at(0x0, u32), Owner: at(0x8, HANDLE), Words: at(0x10, array(u16, 3)) });
  const memory = new BytesMemory(0x20);
  S.write(memory, 0, { Count: 7, Owner: -2, Words: [1, 2, 3] });
  expect(memory.readUint64(8)).toBe(0xffff_ffff_ffff_fffen);
  S.set(memory, 0, { Count: 0x1234 });
  expect(S.read(memory, 0)).toEqual({ Count: 0x1234, Owner: -2, Words: [1, 2, 3] });
  const captured = S.capture(S.read(memory, 0), { memory, describeHandle: () => "Thread 36" });
  expect(S.format(captured)).toBe("{Count: 0x1234, Owner: -2 (Thread 36), Words: [1, 2, 3]}");
});

test("flags are shown by name, whole sets first, unknown bits as they are", () => {
  expect(EventAccess.format(0x1f0003)).toBe("EVENT_ALL_ACCESS");
  expect(EventAccess.format(0x100002)).toBe("EVENT_MODIFY_STATE | SYNCHRONIZE");
  expect(EventAccess.format(0x80000040)).toBe("GENERIC_READ | 0x40");
});

test("lengths are shown in decimal, other numbers in hexadecimal", () => {
  expect(ULONG_LENGTH.format(70)).toBe("70");
  expect(ULONG.format(70)).toBe("0x46");
});
