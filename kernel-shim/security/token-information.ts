/** The answers of NtQueryInformationToken, as bytes to lie at an address of the guest. */
import { enumeration } from "../abi/type.ts";
import { LOGON_SID } from "./identity.ts";
import { GroupAttributes } from "./privilege.ts";
import { encodeSid } from "./sid.ts";
import type { Group, Token } from "./token.ts";
import { TOKEN_TYPE } from "./token.ts";

export const TOKEN_INFORMATION_CLASS = enumeration("TOKEN_INFORMATION_CLASS", {
  TokenUser: 1, TokenGroups: 2, TokenPrivileges: 3, TokenOwner: 4, TokenPrimaryGroup: 5, TokenDefaultDacl: 6, TokenSource: 7,
  TokenType: 8, TokenImpersonationLevel: 9, TokenStatistics: 10, TokenRestrictedSids: 11, TokenSessionId: 12,
  TokenGroupsAndPrivileges: 13, TokenSessionReference: 14, TokenSandBoxInert: 15, TokenAuditPolicy: 16, TokenOrigin: 17,
  TokenElevationType: 18, TokenLinkedToken: 19, TokenElevation: 20, TokenHasRestrictions: 21, TokenAccessInformation: 22,
  TokenVirtualizationAllowed: 23, TokenVirtualizationEnabled: 24, TokenIntegrityLevel: 25, TokenUIAccess: 26,
  TokenMandatoryPolicy: 27, TokenLogonSid: 28, TokenIsAppContainer: 29, TokenCapabilities: 30, TokenAppContainerSid: 31,
  TokenAppContainerNumber: 32, TokenUserClaimAttributes: 33, TokenDeviceClaimAttributes: 34, TokenRestrictedUserClaimAttributes: 35,
  TokenRestrictedDeviceClaimAttributes: 36, TokenDeviceGroups: 37, TokenRestrictedDeviceGroups: 38, TokenSecurityAttributes: 39,
  TokenIsRestricted: 40, TokenProcessTrustLevel: 41, TokenPrivateNameSpace: 42, TokenSingletonAttributes: 43, TokenBnoIsolation: 44,
  TokenChildProcessFlags: 45, TokenIsLessPrivilegedAppContainer: 46, TokenIsSandboxed: 47,
}); // prettier-ignore

const ELEVATION_TYPE_DEFAULT = 1;
const MANDATORY_POLICY_NO_WRITE_UP = 1;
const MANDATORY_POLICY_NEW_PROCESS_MIN = 2;
const LUID_SIZE = 8;

/** Undefined for classes that are not implemented; null for ones that do not apply to this token. */
export function tokenInformation(
  token: Token,
  informationClass: number,
  address: number,
): Uint8Array | null | undefined {
  const C = TOKEN_INFORMATION_CLASS;
  switch (informationClass) {
    case C.TokenUser:
      return sidAndAttributes({ sid: token.user, attributes: 0 }, address);
    case C.TokenGroups:
      return groups(token.groups, address);
    case C.TokenRestrictedSids:
    case C.TokenCapabilities:
    case C.TokenDeviceGroups:
    case C.TokenRestrictedDeviceGroups:
      return groups([], address);
    case C.TokenLogonSid:
      return groups(
        token.groups.filter(({ sid }) => sid === LOGON_SID),
        address,
      );
    case C.TokenPrivileges:
      return privileges(token);
    case C.TokenOwner:
      return pointerTo(encodeSid(token.owner), address);
    case C.TokenPrimaryGroup:
      return pointerTo(encodeSid(token.primaryGroup), address);
    case C.TokenDefaultDacl:
      return pointerTo(token.defaultDacl, address);
    case C.TokenAppContainerSid:
    case C.TokenProcessTrustLevel:
      return pointerTo(undefined, address);
    case C.TokenSource: {
      const bytes = new Uint8Array(8 + LUID_SIZE);
      bytes.set([..."User32 "].map((letter) => letter.charCodeAt(0)));
      return bytes;
    }
    case C.TokenType:
      return u32(token.tokenType);
    case C.TokenImpersonationLevel:
      return token.tokenType === TOKEN_TYPE.TokenPrimary ? null : u32(token.impersonationLevel);
    case C.TokenStatistics:
      return statistics(token);
    case C.TokenSessionId:
      return u32(token.sessionId);
    case C.TokenOrigin:
      return new Uint8Array(BigUint64Array.of(0x3e7n).buffer); // the logon session of the system
    case C.TokenElevationType:
      return u32(ELEVATION_TYPE_DEFAULT);
    case C.TokenLinkedToken:
      return null;
    case C.TokenElevation:
      return u32(1);
    case C.TokenSandBoxInert:
    case C.TokenHasRestrictions:
    case C.TokenIsRestricted:
    case C.TokenVirtualizationAllowed:
    case C.TokenVirtualizationEnabled:
    case C.TokenUIAccess:
    case C.TokenIsAppContainer:
    case C.TokenAppContainerNumber:
    case C.TokenPrivateNameSpace:
    case C.TokenChildProcessFlags:
    case C.TokenIsLessPrivilegedAppContainer:
    case C.TokenIsSandboxed:
      return u32(0);
    case C.TokenIntegrityLevel: {
      const label = token.groups.find(({ attributes }) => (attributes & GroupAttributes.SE_GROUP_INTEGRITY) !== 0);
      return label === undefined ? null : sidAndAttributes(label, address);
    }
    case C.TokenMandatoryPolicy:
      return u32(MANDATORY_POLICY_NO_WRITE_UP | MANDATORY_POLICY_NEW_PROCESS_MIN);
    case C.TokenSecurityAttributes:
    case C.TokenUserClaimAttributes:
    case C.TokenDeviceClaimAttributes: {
      const bytes = new Uint8Array(0x10);
      bytes[0] = 1; // version; no attributes
      return bytes;
    }
    case C.TokenBnoIsolation:
      return new Uint8Array(0x10);
    default:
      return undefined;
  }
}

function u32(value: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(value).buffer);
}

/** A pointer to what follows it; a null pointer where nothing does. */
function pointerTo(content: Uint8Array | undefined, address: number): Uint8Array {
  const bytes = new Uint8Array(8 + (content?.length ?? 0));
  if (content === undefined) return bytes;
  new DataView(bytes.buffer).setBigUint64(0, BigInt(address) + 8n, true);
  bytes.set(content, 8);
  return bytes;
}

/** SID_AND_ATTRIBUTES with its SID behind it. */
function sidAndAttributes({ sid, attributes }: Group, address: number): Uint8Array {
  return entries([{ sid, attributes }], 0, address);
}

/** TOKEN_GROUPS with the SIDs behind it. */
function groups(list: readonly Group[], address: number): Uint8Array {
  const bytes = entries(list, 8, address);
  new DataView(bytes.buffer).setUint32(0, list.length, true);
  return bytes;
}

function entries(list: readonly Group[], from: number, address: number): Uint8Array {
  const sids = list.map(({ sid }) => encodeSid(sid));
  let sidAt = from + list.length * 0x10;
  const bytes = new Uint8Array(sids.reduce((size, sid) => size + sid.length, sidAt));
  const view = new DataView(bytes.buffer);
  list.forEach(({ attributes }, index) => {
    view.setBigUint64(from + index * 0x10, BigInt(address + sidAt), true);
    view.setUint32(from + index * 0x10 + 8, attributes, true);
    bytes.set(sids[index], sidAt);
    sidAt += sids[index].length;
  });
  return bytes;
}

/** TOKEN_PRIVILEGES */
function privileges(token: Token): Uint8Array {
  const bytes = new Uint8Array(4 + token.privileges.length * 12);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, token.privileges.length, true);
  token.privileges.forEach(({ luid, attributes }, index) => {
    view.setUint32(4 + index * 12, luid, true);
    view.setUint32(4 + index * 12 + LUID_SIZE, attributes, true);
  });
  return bytes;
}

/** TOKEN_STATISTICS */
function statistics(token: Token): Uint8Array {
  const bytes = new Uint8Array(0x38);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0x0, token.id, true);
  view.setBigUint64(0x8, token.logonId, true);
  view.setBigUint64(0x10, 0x7fff_ffff_ffff_ffffn, true); // never expires
  view.setUint32(0x18, token.tokenType, true);
  view.setUint32(0x1c, token.impersonationLevel, true);
  view.setUint32(0x20, 0x1000, true);
  view.setUint32(0x24, 0x1000 - (token.defaultDacl?.length ?? 0), true);
  view.setUint32(0x28, token.groups.length, true);
  view.setUint32(0x2c, token.privileges.length, true);
  view.setBigUint64(0x30, token.modifiedId, true);
  return bytes;
}
