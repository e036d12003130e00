/** Arguments of system services that no honest program passes, and some that it might: what lies behind a check is reached only past it. */
import type { AddressSpace } from "../../../emulator/cpu.ts";
import type { Random } from "../../hardware/random.ts";

/** The guest's memory for arguments: slots of so many bytes, each with contents of one kind. */
export const SLOTS = 128;
export const SLOT_SIZE = 0x200;

export interface Arena {
  readonly memory: AddressSpace;
  readonly base: number;
  /** Of the process, some valid. */
  readonly handles: readonly number[];
  /** Addresses of code, of the stack, and where nothing is. */
  readonly landmarks: readonly number[];
}

const names = [
  "", "a", "\\", "\\\\", ".", "..\\..\\..", "C:", "\\??\\C:\\w\\a.txt", "\\??\\C:\\w", "\\??\\C:\\w\\new\\er", "\\??\\C:", "\\??\\C:\\windows\\system32\\ntdll.dll",
  "\\??\\C:\\w\\files.exe", "\\??\\C:\\w\\a.txt:stream", "\\??\\C:\\w\\*", "\\??\\pipe\\p", "\\Device\\NamedPipe\\", "\\Device\\NamedPipe\\p", "\\Device\\Null",
  "\\Device\\ConDrv", "\\Device\\KsecDD", "\\DosDevices", "\\KernelObjects", "\\BaseNamedObjects", "\\BaseNamedObjects\\x", "\\KnownDlls\\ntdll.dll", "\\Registry",
  "\\Registry\\Machine\\Software", "\\Registry\\Machine\\Software\\A\\B", "\\Registry\\User\\.Default", "Software\\Wine", "\\SystemRoot\\x", "\\ObjectTypes\\Process",
  "\\Sessions\\1\\x", "*", "?", "<.>", "x".repeat(240), "a\\".repeat(100), "\u0000\u0000", "\ud800", "\u{1f600}ß", "\\??\\C:\\w\\A.TXT", "\\??\\Z:\\no",
]; // prettier-ignore

const accesses = [
  0, 1, 2, 0x1f_01ff, 0x1f_ffff, 0x2000_0000, 0x4000_0000, 0x8000_0000, 0x1000_0000, 0x0200_0000, 0x10_0001,
  0xffff_ffff,
];

function number32(random: Random): number {
  switch (random.below(8)) {
    case 0:
      return 0;
    case 1:
      return random.pick(accesses);
    case 2:
      return 2 ** random.below(32) - random.below(2);
    case 3:
      return 0xffff_ffff - random.below(8);
    case 4:
      return random.uint32();
    default:
      return random.below(random.pick([4, 16, 64, 0x200, 0x1000]));
  }
}

function handle(random: Random, { handles }: Arena): bigint {
  switch (random.below(8)) {
    case 0:
      return BigInt.asUintN(64, BigInt(-1 - random.below(8)));
    case 1:
      return random.pick([0n, 1n, 3n, 0x7fff_fffcn, 0xffff_ffffn, 0x1_0000_0004n, 0x8000_0000_0000_0000n]);
    case 2:
      return BigInt(random.below(0x400));
    default:
      return BigInt(random.pick(handles) + random.below(random.below(4) ? 1 : 4));
  }
}

function address(random: Random, { base, landmarks }: Arena): bigint {
  switch (random.below(16)) {
    case 0:
      return random.pick([
        0n,
        1n,
        8n,
        0xffffn,
        0x7fff_ffff_ffffn,
        0x8000_0000_0000n,
        0xffff_8000_0000_0000n,
        0xffff_ffff_ffff_ffffn,
        0xffff_ffff_ffff_fff8n,
      ]);
    case 1:
      return BigInt(random.pick(landmarks) + random.below(16) - 8);
    case 2:
      return BigInt(base + SLOTS * SLOT_SIZE - random.below(0x40));
    case 3:
      return BigInt(base + random.below(SLOTS * SLOT_SIZE));
    default:
      return BigInt(base + random.below(SLOTS) * SLOT_SIZE);
  }
}

function number64(random: Random): bigint {
  switch (random.below(6)) {
    case 0:
      return random.uint64();
    case 1:
      return BigInt.asUintN(64, BigInt(-number32(random)));
    case 2:
      return 1n << BigInt(random.below(64));
    default:
      return BigInt(number32(random));
  }
}

/** A number, a handle, an address: whatever may stand where 64 bits stand. */
function anything(random: Random, arena: Arena): bigint {
  switch (random.below(4)) {
    case 0:
      return handle(random, arena);
    case 1:
      return address(random, arena);
    default:
      return number64(random);
  }
}

const slotKinds = ["attributes", "name", "text", "numbers32", "numbers64", "zeroes", "ones", "noise"] as const;
type SlotKind = (typeof slotKinds)[number];
const kindOf = (slot: number): SlotKind => slotKinds[slot % slotKinds.length];

/** An address of a slot of the kind. */
const slotOf = (random: Random, { base }: Arena, kind: SlotKind): bigint =>
  BigInt(base + (random.below(SLOTS / slotKinds.length) * slotKinds.length + slotKinds.indexOf(kind)) * SLOT_SIZE);

/** Fills the arena anew. */
export function fillArena(random: Random, arena: Arena): void {
  const bytes = new Uint8Array(SLOTS * SLOT_SIZE);
  const view = new DataView(bytes.buffer);
  for (let slot = 0; slot < SLOTS; slot++) {
    const at = slot * SLOT_SIZE;
    const all = (step: number, set: (at: number) => void): void => {
      for (let offset = 0; offset < SLOT_SIZE; offset += step) set(at + offset);
    };
    switch (kindOf(slot)) {
      case "attributes":
        view.setUint32(at, random.below(16) ? 0x30 : number32(random), true);
        view.setBigUint64(at + 8, random.below(3) ? 0n : handle(random, arena), true);
        view.setBigUint64(at + 16, random.below(8) ? slotOf(random, arena, "name") : address(random, arena), true);
        view.setUint32(at + 24, random.below(2) ? 0x40 : number32(random), true);
        view.setBigUint64(at + 32, random.below(4) ? 0n : address(random, arena), true);
        view.setBigUint64(at + 40, random.below(4) ? 0n : address(random, arena), true);
        break;
      case "name": {
        // Its text is in the next slot.
        const text = random.pick(names);
        for (let i = 0; i < text.length; i++) view.setUint16(at + SLOT_SIZE + i * 2, text.charCodeAt(i), true);
        view.setUint16(at, random.below(8) ? text.length * 2 : number32(random), true);
        view.setUint16(at + 2, random.below(8) ? text.length * 2 + 2 : number32(random), true);
        view.setBigUint64(
          at + 8,
          random.below(12) ? BigInt(arena.base + at + SLOT_SIZE) : address(random, arena),
          true,
        );
        break;
      }
      case "text":
      case "zeroes":
        break;
      case "numbers32":
        all(4, (offset) => view.setUint32(offset, number32(random), true));
        break;
      case "numbers64":
        all(8, (offset) => view.setBigUint64(offset, anything(random, arena), true));
        break;
      case "ones":
        bytes.fill(0xff, at, at + SLOT_SIZE);
        break;
      case "noise":
        all(4, (offset) => view.setUint32(offset, random.uint32(), true));
        break;
    }
  }
  arena.memory.poke(arena.base, bytes);
}

/** An argument where a service expects a `typeName`. */
export function wildArgument(random: Random, arena: Arena, typeName: string): bigint {
  if (random.below(24) === 0) return anything(random, arena);
  if (typeName === "OBJECT_ATTRIBUTES*") return slotOf(random, arena, "attributes");
  if (typeName === "UNICODE_STRING*") return slotOf(random, arena, "name");
  if (typeName === "LARGE_INTEGER*" || typeName === "SIZE_T*" || typeName === "PVOID*")
    return random.below(3) ? slotOf(random, arena, random.pick(["numbers64", "zeroes"])) : address(random, arena);
  if (typeName === "HANDLE") return handle(random, arena);
  if (typeName.endsWith("*") || typeName === "PVOID") return random.below(6) ? address(random, arena) : 0n;
  // The upper half of a register is whatever was there.
  return random.below(4) ? BigInt(number32(random)) : number64(random);
}
