import { enumeration } from "../abi/type.ts";
import { stateClass } from "../executive/state.ts";
import type { Machine } from "../machine.ts";
import type { ObjectType } from "../object-manager/kernel-object.ts";
import { KernelObject, objectType } from "../object-manager/kernel-object.ts";
import type { Process } from "../process-manager/process.ts";
import { allowAccess, makeAcl } from "./acl.ts";
import { LOGON_ID, LOGON_SID, SESSION_ID, USER_PRIMARY_GROUP, USER_SID } from "./identity.ts";
import { GroupAttributes, Privilege, PrivilegeAttributes } from "./privilege.ts";
import type { Sid } from "./sid.ts";
import { WellKnownSid } from "./sid.ts";

export const TokenType = objectType("Token", { read: 0x2001a, write: 0x201e0, execute: 0x20005, all: 0xf01ff });

export const TOKEN_TYPE = enumeration("TOKEN_TYPE", { TokenPrimary: 1, TokenImpersonation: 2 });
export const SECURITY_IMPERSONATION_LEVEL = enumeration("SECURITY_IMPERSONATION_LEVEL", {
  SecurityAnonymous: 0,
  SecurityIdentification: 1,
  SecurityImpersonation: 2,
  SecurityDelegation: 3,
});

export interface Group {
  readonly sid: Sid;
  attributes: number;
}
export interface HeldPrivilege {
  readonly luid: number;
  attributes: number;
}

const GENERIC_ALL = 0x1000_0000;

/** Who a process or thread is. */
export class Token extends KernelObject {
  readonly user: Sid = USER_SID;
  groups: Group[] = [];
  privileges: HeldPrivilege[] = [];
  owner: Sid = WellKnownSid.Administrators;
  primaryGroup: Sid = USER_PRIMARY_GROUP;
  /** An ACL. */
  defaultDacl: Uint8Array | undefined = makeAcl([
    allowAccess(WellKnownSid.Administrators, GENERIC_ALL),
    allowAccess(WellKnownSid.LocalSystem, GENERIC_ALL),
  ]);
  sessionId = SESSION_ID;
  readonly tokenType: number;
  readonly impersonationLevel: number;
  readonly id: bigint;
  /** Changes with every change of the token. */
  modifiedId: bigint;

  constructor(id: bigint, tokenType: number, impersonationLevel: number) {
    super();
    this.id = id;
    this.modifiedId = id;
    this.tokenType = tokenType;
    this.impersonationLevel = impersonationLevel;
  }
  get type(): ObjectType {
    return TokenType;
  }
  get logonId(): bigint {
    return LOGON_ID;
  }
  copy(id: bigint, tokenType: number, impersonationLevel: number, effectiveOnly: boolean): Token {
    const token = new Token(id, tokenType, impersonationLevel);
    const enabled = PrivilegeAttributes.SE_PRIVILEGE_ENABLED;
    token.groups = this.groups.map((group) => ({ ...group }));
    token.privileges = this.privileges
      .filter(({ attributes }) => !effectiveOnly || (attributes & enabled) !== 0)
      .map((privilege) => ({ ...privilege }));
    token.owner = this.owner;
    token.primaryGroup = this.primaryGroup;
    token.defaultDacl = this.defaultDacl;
    token.sessionId = this.sessionId;
    return token;
  }
  privilege(luid: number): HeldPrivilege | undefined {
    return this.privileges.find((privilege) => privilege.luid === luid);
  }
  override describe(): string {
    return this.tokenType === TOKEN_TYPE.TokenPrimary ? "Token" : "Token (impersonation)";
  }
}
stateClass("Token", Token);

const MANDATORY = GroupAttributes.SE_GROUP_MANDATORY | GroupAttributes.SE_GROUP_ENABLED_BY_DEFAULT | GroupAttributes.SE_GROUP_ENABLED; // prettier-ignore

/**
 * An administrator without User Account Control: nothing here stands in the way of what a program wants, and its token says so.
 */
export function createPrimaryToken(machine: Machine): Token {
  const token = new Token(takeLuid(machine), TOKEN_TYPE.TokenPrimary, SECURITY_IMPERSONATION_LEVEL.SecurityAnonymous);
  const group = (sid: Sid, more = 0): Group => ({ sid, attributes: (MANDATORY | more) >>> 0 });
  token.groups = [
    group(USER_PRIMARY_GROUP),
    group(WellKnownSid.Everyone),
    group(WellKnownSid.Administrators, GroupAttributes.SE_GROUP_OWNER),
    group(WellKnownSid.Users),
    group(WellKnownSid.Interactive),
    group(WellKnownSid.ConsoleLogon),
    group(WellKnownSid.AuthenticatedUsers),
    group(WellKnownSid.ThisOrganization),
    group(WellKnownSid.LocalAccount),
    group(LOGON_SID, GroupAttributes.SE_GROUP_LOGON_ID),
    group(WellKnownSid.Local),
    group(WellKnownSid.NtlmAuthentication),
    {
      sid: WellKnownSid.HighIntegrity,
      attributes: GroupAttributes.SE_GROUP_INTEGRITY | GroupAttributes.SE_GROUP_INTEGRITY_ENABLED,
    },
  ];
  const enabledByDefault =
    PrivilegeAttributes.SE_PRIVILEGE_ENABLED_BY_DEFAULT | PrivilegeAttributes.SE_PRIVILEGE_ENABLED;
  const P = Privilege;
  const always: readonly number[] = [P.SeChangeNotifyPrivilege, P.SeImpersonatePrivilege, P.SeCreateGlobalPrivilege];
  const held = [
    P.SeIncreaseQuotaPrivilege, P.SeSecurityPrivilege, P.SeTakeOwnershipPrivilege, P.SeLoadDriverPrivilege, P.SeSystemProfilePrivilege,
    P.SeSystemtimePrivilege, P.SeProfileSingleProcessPrivilege, P.SeIncreaseBasePriorityPrivilege, P.SeCreatePagefilePrivilege,
    P.SeBackupPrivilege, P.SeRestorePrivilege, P.SeShutdownPrivilege, P.SeDebugPrivilege, P.SeSystemEnvironmentPrivilege,
    P.SeChangeNotifyPrivilege, P.SeRemoteShutdownPrivilege, P.SeUndockPrivilege, P.SeManageVolumePrivilege, P.SeImpersonatePrivilege,
    P.SeCreateGlobalPrivilege, P.SeIncreaseWorkingSetPrivilege, P.SeTimeZonePrivilege, P.SeCreateSymbolicLinkPrivilege,
    P.SeDelegateSessionUserImpersonatePrivilege,
  ]; // prettier-ignore
  token.privileges = held.map((luid) => ({ luid, attributes: always.includes(luid) ? enabledByDefault : 0 }));
  return token;
}

/** The primary token of a process, made when first asked for. */
export function primaryTokenOf(machine: Machine, process: Process): Token {
  if (!(process.token instanceof Token)) process.token = createPrimaryToken(machine);
  return process.token as Token;
}

/** Locally unique ids count from where Windows' well-known ones end. */
class LuidSource {
  next = 0x10000n;
}
stateClass("LuidSource", LuidSource);

export function takeLuid(machine: Machine, count = 1): bigint {
  let source = machine.parts.get("luid");
  if (!(source instanceof LuidSource)) machine.parts.set("luid", (source = new LuidSource()));
  const first = (source as LuidSource).next;
  (source as LuidSource).next += BigInt(count);
  return first;
}
