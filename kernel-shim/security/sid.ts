/** Security identifiers: text in the kernel, bytes in guests. [MS-DTYP] 2.4.2 */

/** `S-1-authority-subauthority-…` */
export type Sid = `S-1-${string}`;

export const WellKnownSid = {
  Everyone: "S-1-1-0",
  Local: "S-1-2-0",
  ConsoleLogon: "S-1-2-1",
  Interactive: "S-1-5-4",
  AuthenticatedUsers: "S-1-5-11",
  ThisOrganization: "S-1-5-15",
  LocalSystem: "S-1-5-18",
  LocalAccount: "S-1-5-113",
  Administrators: "S-1-5-32-544",
  Users: "S-1-5-32-545",
  NtlmAuthentication: "S-1-5-64-10",
  HighIntegrity: "S-1-16-12288",
} as const satisfies Record<string, Sid>;

export function encodeSid(sid: Sid): Uint8Array {
  const [authority, ...rest] = sid.split("-").slice(2).map(Number);
  const bytes = new Uint8Array(8 + rest.length * 4);
  const view = new DataView(bytes.buffer);
  bytes[0] = 1;
  bytes[1] = rest.length;
  view.setUint16(2, Math.floor(authority / 2 ** 32));
  view.setUint32(4, authority);
  rest.forEach((one, index) => view.setUint32(8 + index * 4, one, true));
  return bytes;
}

/** Undefined where the bytes are no valid SID. What follows it is ignored. */
export function decodeSid(bytes: Uint8Array): Sid | undefined {
  const count = bytes[1];
  if (bytes.length < 8 || bytes[0] !== 1 || count > 15 || bytes.length < 8 + count * 4) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const authority = view.getUint16(2) * 2 ** 32 + view.getUint32(4);
  const rest = Array.from({ length: count }, (_, index) => view.getUint32(8 + index * 4, true));
  return `S-1-${[authority, ...rest].join("-")}`;
}
