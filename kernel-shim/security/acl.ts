/** Access control lists and security descriptors as bytes. [MS-DTYP] 2.4.4 to 2.4.6 */
import type { GuestMemory } from "../abi/type.ts";
import type { Sid } from "./sid.ts";
import { decodeSid, encodeSid } from "./sid.ts";

const ACCESS_ALLOWED = 0;
const ACCESS_DENIED = 1;
const INHERIT_ONLY = 0x8;

export interface Ace {
  readonly allow: boolean;
  readonly mask: number;
  readonly sid: Sid;
}

export function allowAccess(sid: Sid, mask: number): Ace {
  return { allow: true, mask, sid };
}

export function makeAcl(aces: readonly Ace[]): Uint8Array {
  const parts = aces.map(({ allow, mask, sid }) => {
    const bytes = encodeSid(sid);
    const ace = new Uint8Array(8 + bytes.length);
    const view = new DataView(ace.buffer);
    view.setUint8(0, allow ? ACCESS_ALLOWED : ACCESS_DENIED);
    view.setUint16(2, ace.length, true);
    view.setUint32(4, mask, true);
    ace.set(bytes, 8);
    return ace;
  });
  const acl = new Uint8Array(8 + parts.reduce((sum, part) => sum + part.length, 0));
  const view = new DataView(acl.buffer);
  view.setUint8(0, 2); // ACL_REVISION
  view.setUint16(2, acl.length, true);
  view.setUint16(4, parts.length, true);
  let at = 8;
  for (const part of parts) {
    acl.set(part, at);
    at += part.length;
  }
  return acl;
}

/** The access entries that count for an access check; undefined where the bytes are no ACL. Audit and object entries are passed over. */
export function parseAcl(acl: Uint8Array): Ace[] | undefined {
  if (acl.length < 8) return undefined;
  const view = new DataView(acl.buffer, acl.byteOffset, acl.length);
  const end = view.getUint16(2, true);
  const count = view.getUint16(4, true);
  if (end > acl.length) return undefined;
  const aces: Ace[] = [];
  let at = 8;
  for (let index = 0; index < count; index++) {
    if (at + 4 > end) return undefined;
    const size = view.getUint16(at + 2, true);
    if (size < 4 || at + size > end) return undefined;
    const type = view.getUint8(at);
    const flags = view.getUint8(at + 1);
    if ((type === ACCESS_ALLOWED || type === ACCESS_DENIED) && !(flags & INHERIT_ONLY) && size >= 16) {
      const sid = decodeSid(acl.subarray(at + 8, at + size));
      if (sid === undefined) return undefined;
      aces.push({ allow: type === ACCESS_ALLOWED, mask: view.getUint32(at + 4, true), sid });
    }
    at += size;
  }
  return aces;
}

const SE_DACL_PRESENT = 0x4;
const SE_SELF_RELATIVE = 0x8000;

export interface SecurityDescriptor {
  readonly owner: Sid | undefined;
  readonly group: Sid | undefined;
  /** Undefined where there is none: everything is allowed. */
  readonly dacl: readonly Ace[] | undefined;
}

/** Reads the SECURITY_DESCRIPTOR at `address`, absolute or self-relative. Undefined where it is not valid. */
export function readSecurityDescriptor(memory: GuestMemory, address: number): SecurityDescriptor | undefined {
  if (memory.readUint8(address) !== 1) return undefined;
  const control = memory.readUint16(address + 2);
  const relative = (control & SE_SELF_RELATIVE) !== 0;
  const field = (index: number): number => {
    if (!relative) return memory.readPointer(address + 8 + index * 8);
    const offset = memory.readUint32(address + 4 + index * 4);
    return offset === 0 ? 0 : address + offset;
  };
  const sidAt = (at: number): Sid | undefined => (at === 0 ? undefined : readSid(memory, at));
  const daclAt = control & SE_DACL_PRESENT ? field(3) : 0;
  let dacl: readonly Ace[] | undefined;
  if (daclAt !== 0) {
    dacl = parseAcl(memory.read(daclAt, Math.max(8, memory.readUint16(daclAt + 2))));
    if (dacl === undefined) return undefined;
  }
  return { owner: sidAt(field(0)), group: sidAt(field(1)), dacl };
}

export function readSid(memory: GuestMemory, address: number): Sid | undefined {
  return decodeSid(memory.read(address, 8 + 4 * Math.min(15, memory.readUint8(address + 1))));
}
