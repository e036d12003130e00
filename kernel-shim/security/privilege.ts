import { flags } from "../abi/type.ts";

/** Locally unique ids of the privileges. [MS-LSAD] 3.1.1.2.1 */
export const Privilege = {
  SeCreateTokenPrivilege: 2, SeAssignPrimaryTokenPrivilege: 3, SeLockMemoryPrivilege: 4, SeIncreaseQuotaPrivilege: 5,
  SeMachineAccountPrivilege: 6, SeTcbPrivilege: 7, SeSecurityPrivilege: 8, SeTakeOwnershipPrivilege: 9, SeLoadDriverPrivilege: 10,
  SeSystemProfilePrivilege: 11, SeSystemtimePrivilege: 12, SeProfileSingleProcessPrivilege: 13, SeIncreaseBasePriorityPrivilege: 14,
  SeCreatePagefilePrivilege: 15, SeCreatePermanentPrivilege: 16, SeBackupPrivilege: 17, SeRestorePrivilege: 18,
  SeShutdownPrivilege: 19, SeDebugPrivilege: 20, SeAuditPrivilege: 21, SeSystemEnvironmentPrivilege: 22, SeChangeNotifyPrivilege: 23,
  SeRemoteShutdownPrivilege: 24, SeUndockPrivilege: 25, SeSyncAgentPrivilege: 26, SeEnableDelegationPrivilege: 27,
  SeManageVolumePrivilege: 28, SeImpersonatePrivilege: 29, SeCreateGlobalPrivilege: 30, SeTrustedCredManAccessPrivilege: 31,
  SeRelabelPrivilege: 32, SeIncreaseWorkingSetPrivilege: 33, SeTimeZonePrivilege: 34, SeCreateSymbolicLinkPrivilege: 35,
  SeDelegateSessionUserImpersonatePrivilege: 36,
} as const; // prettier-ignore

export const PrivilegeAttributes = flags("PRIVILEGE_ATTRIBUTES", {
  SE_PRIVILEGE_ENABLED_BY_DEFAULT: 0x1,
  SE_PRIVILEGE_ENABLED: 0x2,
  SE_PRIVILEGE_REMOVED: 0x4,
  SE_PRIVILEGE_USED_FOR_ACCESS: 0x8000_0000,
});

export const GroupAttributes = flags("GROUP_ATTRIBUTES", {
  SE_GROUP_MANDATORY: 0x1,
  SE_GROUP_ENABLED_BY_DEFAULT: 0x2,
  SE_GROUP_ENABLED: 0x4,
  SE_GROUP_OWNER: 0x8,
  SE_GROUP_USE_FOR_DENY_ONLY: 0x10,
  SE_GROUP_INTEGRITY: 0x20,
  SE_GROUP_INTEGRITY_ENABLED: 0x40,
  SE_GROUP_LOGON_ID: 0xc000_0000,
});
