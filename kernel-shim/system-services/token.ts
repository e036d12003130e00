/** Tokens: who processes and threads are, and what that lets them do. */
import { GenericAccess, ProcessAccess, ThreadAccess, TokenAccess } from "../abi/access.ts";
import type { NtStatus } from "../abi/ntstatus.ts";
import { ntstatus } from "../abi/ntstatus.ts";
import { at, struct } from "../abi/struct.ts";
import { OBJECT_ATTRIBUTES } from "../abi/structures.ts";
import { BOOLEAN, HANDLE, PVOID, u32, ULONG, ULONG_LENGTH } from "../abi/type.ts";
import { StatusError } from "../executive/unsupported.ts";
import { Process } from "../process-manager/process.ts";
import { Thread } from "../process-manager/thread.ts";
import { accessCheck } from "../security/access-check.ts";
import { readSecurityDescriptor, readSid } from "../security/acl.ts";
import { PrivilegeAttributes } from "../security/privilege.ts";
import { primaryTokenOf, SECURITY_IMPERSONATION_LEVEL, takeLuid, Token, TOKEN_TYPE } from "../security/token.ts";
import { TOKEN_INFORMATION_CLASS, tokenInformation } from "../security/token-information.ts";
import { answerWhole } from "./information-answer.ts";
import type { ServiceCall } from "./service.ts";
import {
  full,
  inBuffer,
  missing,
  optional,
  out,
  outBuffer,
  partial,
  pointer,
  systemService,
  value,
} from "./service.ts";

const CURRENT_PROCESS_TOKEN = -4;
const CURRENT_THREAD_TOKEN = -5;
const CURRENT_THREAD_EFFECTIVE_TOKEN = -6;

/** The token behind a handle, the pseudo handles of Windows 8 and later included. */
function tokenOf(call: ServiceCall, handle: number, access: number): Token {
  const impersonation = call.thread.impersonationToken;
  switch (handle) {
    case CURRENT_PROCESS_TOKEN:
      return primaryTokenOf(call.machine, call.process);
    case CURRENT_THREAD_TOKEN:
      if (!(impersonation instanceof Token)) throw new StatusError(ntstatus.STATUS_NO_TOKEN);
      return impersonation;
    case CURRENT_THREAD_EFFECTIVE_TOKEN:
      return impersonation instanceof Token ? impersonation : primaryTokenOf(call.machine, call.process);
    default:
      return call.reference(handle, Token, access);
  }
}

function openProcessToken(call: ServiceCall, handle: number, access: number, attributes: number): number {
  const process = call.reference(handle, Process, ProcessAccess.PROCESS_QUERY_LIMITED_INFORMATION);
  return call.openHandle(primaryTokenOf(call.machine, process), access, attributes);
}

function openThreadToken(call: ServiceCall, handle: number, access: number, attributes: number): number {
  const thread = call.reference(handle, Thread, ThreadAccess.THREAD_QUERY_LIMITED_INFORMATION);
  if (thread.impersonationToken === undefined) throw new StatusError(ntstatus.STATUS_NO_TOKEN);
  return call.openHandle(thread.impersonationToken, access, attributes);
}

export const NtOpenProcessToken = systemService("NtOpenProcessToken", {
  support: full,
  params: { ProcessHandle: value(HANDLE), DesiredAccess: value(TokenAccess), TokenHandle: out(HANDLE) },
  run(call, { ProcessHandle, DesiredAccess, TokenHandle }) {
    TokenHandle.set(openProcessToken(call, ProcessHandle, DesiredAccess, 0));
    return ntstatus.STATUS_SUCCESS;
  },
});

export const NtOpenProcessTokenEx = systemService("NtOpenProcessTokenEx", {
  support: full,
  params: {
    ProcessHandle: value(HANDLE),
    DesiredAccess: value(TokenAccess),
    HandleAttributes: value(ULONG),
    TokenHandle: out(HANDLE),
  },
  run(call, { ProcessHandle, DesiredAccess, HandleAttributes, TokenHandle }) {
    TokenHandle.set(openProcessToken(call, ProcessHandle, DesiredAccess, HandleAttributes));
    return ntstatus.STATUS_SUCCESS;
  },
});

export const NtOpenThreadToken = systemService("NtOpenThreadToken", {
  support: full,
  params: {
    ThreadHandle: value(HANDLE),
    DesiredAccess: value(TokenAccess),
    OpenAsSelf: value(BOOLEAN),
    TokenHandle: out(HANDLE),
  },
  run(call, { ThreadHandle, DesiredAccess, TokenHandle }) {
    TokenHandle.set(openThreadToken(call, ThreadHandle, DesiredAccess, 0));
    return ntstatus.STATUS_SUCCESS;
  },
});

export const NtOpenThreadTokenEx = systemService("NtOpenThreadTokenEx", {
  support: full,
  params: {
    ThreadHandle: value(HANDLE),
    DesiredAccess: value(TokenAccess),
    OpenAsSelf: value(BOOLEAN),
    HandleAttributes: value(ULONG),
    TokenHandle: out(HANDLE),
  },
  run(call, { ThreadHandle, DesiredAccess, HandleAttributes, TokenHandle }) {
    TokenHandle.set(openThreadToken(call, ThreadHandle, DesiredAccess, HandleAttributes));
    return ntstatus.STATUS_SUCCESS;
  },
});

export const NtQueryInformationToken = systemService("NtQueryInformationToken", {
  support: partial("TokenGroupsAndPrivileges, TokenAccessInformation and the audit policy are missing"),
  params: {
    TokenHandle: value(HANDLE),
    TokenInformationClass: value(TOKEN_INFORMATION_CLASS),
    TokenInformation: outBuffer("TokenInformationLength"),
    TokenInformationLength: value(ULONG_LENGTH),
    ReturnLength: out(ULONG_LENGTH),
  },
  run(call, { TokenHandle, TokenInformationClass: kind, TokenInformation, ReturnLength }) {
    const isSource = kind === TOKEN_INFORMATION_CLASS.TokenSource;
    const token = tokenOf(call, TokenHandle, isSource ? TokenAccess.TOKEN_QUERY_SOURCE : TokenAccess.TOKEN_QUERY);
    const bytes = tokenInformation(token, kind, TokenInformation.address);
    if (bytes === undefined) {
      const name = TOKEN_INFORMATION_CLASS.nameOf(kind);
      return name === undefined
        ? ntstatus.STATUS_INVALID_INFO_CLASS
        : call.notImplemented(`NtQueryInformationToken ${name}`);
    }
    if (bytes === null) {
      const isLinked = kind === TOKEN_INFORMATION_CLASS.TokenLinkedToken;
      return isLinked ? ntstatus.STATUS_NO_SUCH_LOGON_SESSION : ntstatus.STATUS_INVALID_INFO_CLASS;
    }
    return answerWhole(TokenInformation, ReturnLength, bytes, ntstatus.STATUS_BUFFER_TOO_SMALL);
  },
});

export const NtSetInformationToken = systemService("NtSetInformationToken", {
  support: partial("TokenOwner, TokenPrimaryGroup and TokenSessionId"),
  params: {
    TokenHandle: value(HANDLE),
    TokenInformationClass: value(TOKEN_INFORMATION_CLASS),
    TokenInformation: inBuffer("TokenInformationLength"),
    TokenInformationLength: value(ULONG_LENGTH),
  },
  run(call, { TokenHandle, TokenInformationClass: kind, TokenInformation }) {
    const token = tokenOf(call, TokenHandle, TokenAccess.TOKEN_ADJUST_DEFAULT);
    const { memory, machine } = call;
    const C = TOKEN_INFORMATION_CLASS;
    switch (kind) {
      case C.TokenOwner:
      case C.TokenPrimaryGroup: {
        if (TokenInformation.length < 8) return ntstatus.STATUS_INFO_LENGTH_MISMATCH;
        const sid = readSid(memory, memory.readPointer(TokenInformation.address));
        if (sid === undefined) return ntstatus.STATUS_INVALID_SID;
        const held = sid === token.user || token.groups.some((group) => group.sid === sid);
        if (kind === C.TokenOwner) {
          if (!held) return ntstatus.STATUS_INVALID_OWNER;
          token.owner = sid;
        } else {
          if (!held) return ntstatus.STATUS_INVALID_PRIMARY_GROUP;
          token.primaryGroup = sid;
        }
        break;
      }
      case C.TokenSessionId:
        if (TokenInformation.length < 4) return ntstatus.STATUS_INFO_LENGTH_MISMATCH;
        token.sessionId = memory.readUint32(TokenInformation.address);
        break;
      default:
        return call.notImplemented(`NtSetInformationToken ${C.nameOf(kind) ?? kind}`);
    }
    token.modifiedId = takeLuid(machine);
    return ntstatus.STATUS_SUCCESS;
  },
});

/** TOKEN_PRIVILEGES and PRIVILEGE_SET hold LUID_AND_ATTRIBUTES. */
const LUID_AND_ATTRIBUTES = struct("LUID_AND_ATTRIBUTES", 0xc, {
  LowPart: at(0x0, u32),
  HighPart: at(0x4, u32),
  Attributes: at(0x8, u32),
});
const MAXIMUM_PRIVILEGES = 1024;

export const NtAdjustPrivilegesToken = systemService("NtAdjustPrivilegesToken", {
  support: full,
  params: {
    TokenHandle: value(HANDLE),
    DisableAllPrivileges: value(BOOLEAN),
    NewState: value(PVOID),
    BufferLength: value(ULONG_LENGTH),
    PreviousState: value(PVOID),
    ReturnLength: optional(out(ULONG_LENGTH)),
  },
  run(call, { TokenHandle, DisableAllPrivileges, NewState, BufferLength, PreviousState, ReturnLength }) {
    const query = PreviousState === 0 ? 0 : TokenAccess.TOKEN_QUERY;
    const token = tokenOf(call, TokenHandle, TokenAccess.TOKEN_ADJUST_PRIVILEGES | query);
    const { memory } = call;
    if (!DisableAllPrivileges && NewState === 0) return ntstatus.STATUS_INVALID_PARAMETER;
    const wanted: { luid: number; attributes: number }[] = [];
    if (DisableAllPrivileges) {
      for (const { luid } of token.privileges) wanted.push({ luid, attributes: 0 });
    } else {
      const count = memory.readUint32(NewState);
      if (count > MAXIMUM_PRIVILEGES) return ntstatus.STATUS_INVALID_PARAMETER;
      for (let index = 0; index < count; index++) {
        const entry = LUID_AND_ATTRIBUTES.read(memory, NewState + 4 + index * LUID_AND_ATTRIBUTES.size);
        wanted.push({ luid: entry.HighPart === 0 ? entry.LowPart : -1, attributes: entry.Attributes });
      }
    }
    const { SE_PRIVILEGE_ENABLED, SE_PRIVILEGE_REMOVED } = PrivilegeAttributes;
    const changes = wanted.flatMap(({ luid, attributes }) => {
      const privilege = token.privilege(luid);
      const enabled = attributes & SE_PRIVILEGE_ENABLED;
      const changes =
        privilege &&
        ((privilege.attributes & SE_PRIVILEGE_ENABLED) !== enabled || (attributes & SE_PRIVILEGE_REMOVED) !== 0);
      return privilege && changes ? [{ privilege, enabled, removed: (attributes & SE_PRIVILEGE_REMOVED) !== 0 }] : [];
    });
    if (PreviousState !== 0) {
      const needed = 4 + changes.length * LUID_AND_ATTRIBUTES.size;
      ReturnLength?.set(needed);
      if (BufferLength < needed) return ntstatus.STATUS_BUFFER_TOO_SMALL;
      memory.writeUint32(PreviousState, changes.length);
      changes.forEach(({ privilege }, index) =>
        LUID_AND_ATTRIBUTES.write(memory, PreviousState + 4 + index * LUID_AND_ATTRIBUTES.size, {
          LowPart: privilege.luid,
          HighPart: 0,
          Attributes: privilege.attributes,
        }),
      );
    }
    for (const { privilege, enabled, removed } of changes) {
      privilege.attributes = (privilege.attributes & ~SE_PRIVILEGE_ENABLED) | enabled;
      if (removed) token.privileges.splice(token.privileges.indexOf(privilege), 1);
    }
    if (changes.length > 0) token.modifiedId = takeLuid(call.machine);
    return wanted.some(
      ({ luid }, index) =>
        token.privilege(luid) === undefined && !changes.some((change) => change.privilege.luid === wanted[index].luid),
    )
      ? ntstatus.STATUS_NOT_ALL_ASSIGNED
      : ntstatus.STATUS_SUCCESS;
  },
});

export const NtPrivilegeCheck = systemService("NtPrivilegeCheck", {
  support: full,
  params: { ClientToken: value(HANDLE), RequiredPrivileges: value(PVOID), Result: out(BOOLEAN) },
  run(call, { ClientToken, RequiredPrivileges, Result }) {
    const token = tokenOf(call, ClientToken, TokenAccess.TOKEN_QUERY);
    const { memory } = call;
    const count = memory.readUint32(RequiredPrivileges);
    const allNecessary = (memory.readUint32(RequiredPrivileges + 4) & 1) !== 0;
    if (count > MAXIMUM_PRIVILEGES) return ntstatus.STATUS_INVALID_PARAMETER;
    const { SE_PRIVILEGE_ENABLED, SE_PRIVILEGE_USED_FOR_ACCESS } = PrivilegeAttributes;
    let held = 0;
    for (let index = 0; index < count; index++) {
      const entry = RequiredPrivileges + 8 + index * LUID_AND_ATTRIBUTES.size;
      const { LowPart, HighPart, Attributes } = LUID_AND_ATTRIBUTES.read(memory, entry);
      const privilege = HighPart === 0 ? token.privilege(LowPart) : undefined;
      if (privilege === undefined || !(privilege.attributes & SE_PRIVILEGE_ENABLED)) continue;
      held++;
      LUID_AND_ATTRIBUTES.set(memory, entry, { Attributes: Attributes | SE_PRIVILEGE_USED_FOR_ACCESS });
    }
    Result.set(allNecessary ? held === count : held > 0);
    return ntstatus.STATUS_SUCCESS;
  },
});

export const NtDuplicateToken = systemService("NtDuplicateToken", {
  support: partial("the quality of service of ObjectAttributes is read for its impersonation level only"),
  params: {
    ExistingTokenHandle: value(HANDLE),
    DesiredAccess: value(TokenAccess),
    ObjectAttributes: optional(pointer(OBJECT_ATTRIBUTES)),
    EffectiveOnly: value(BOOLEAN),
    Type: value(TOKEN_TYPE),
    NewTokenHandle: out(HANDLE),
  },
  run(call, { ExistingTokenHandle, DesiredAccess, ObjectAttributes, EffectiveOnly, Type, NewTokenHandle }) {
    const token = tokenOf(call, ExistingTokenHandle, TokenAccess.TOKEN_DUPLICATE);
    if (Type !== TOKEN_TYPE.TokenPrimary && Type !== TOKEN_TYPE.TokenImpersonation)
      return ntstatus.STATUS_INVALID_PARAMETER;
    const quality = ObjectAttributes?.SecurityQualityOfService ?? 0;
    const level = quality === 0 ? SECURITY_IMPERSONATION_LEVEL.SecurityAnonymous : call.memory.readUint32(quality + 4);
    if (level > SECURITY_IMPERSONATION_LEVEL.SecurityDelegation) return ntstatus.STATUS_BAD_IMPERSONATION_LEVEL;
    if (token.tokenType === TOKEN_TYPE.TokenImpersonation && level > token.impersonationLevel) {
      return ntstatus.STATUS_BAD_IMPERSONATION_LEVEL;
    }
    const copy = token.copy(takeLuid(call.machine), Type, level, EffectiveOnly);
    // No rights asked for means those of the handle that is copied.
    const access =
      DesiredAccess === 0 && ExistingTokenHandle > 0 ? call.grantedAccess(ExistingTokenHandle) : DesiredAccess;
    NewTokenHandle.set(call.openHandle(copy, access, ObjectAttributes?.Attributes ?? 0));
    return ntstatus.STATUS_SUCCESS;
  },
});

const GENERIC_MAPPING = struct("GENERIC_MAPPING", 0x10, {
  GenericRead: at(0x0, u32),
  GenericWrite: at(0x4, u32),
  GenericExecute: at(0x8, u32),
  GenericAll: at(0xc, u32),
});

export const NtAccessCheck = systemService("NtAccessCheck", {
  support: partial("integrity labels and object entries are not considered"),
  params: {
    SecurityDescriptor: value(PVOID),
    ClientToken: value(HANDLE),
    DesiredAccess: value(GenericAccess),
    GenericMapping: pointer(GENERIC_MAPPING),
    PrivilegeSet: value(PVOID),
    PrivilegeSetLength: out(ULONG_LENGTH),
    GrantedAccess: out(GenericAccess),
    AccessStatus: out(ULONG),
  },
  run(call, args): NtStatus {
    const token = tokenOf(call, args.ClientToken, TokenAccess.TOKEN_QUERY);
    if (token.tokenType !== TOKEN_TYPE.TokenImpersonation) return ntstatus.STATUS_NO_IMPERSONATION_TOKEN;
    if (token.impersonationLevel < SECURITY_IMPERSONATION_LEVEL.SecurityIdentification) {
      return ntstatus.STATUS_BAD_IMPERSONATION_LEVEL;
    }
    const descriptor = readSecurityDescriptor(call.memory, args.SecurityDescriptor);
    if (descriptor?.owner === undefined || descriptor.group === undefined)
      return ntstatus.STATUS_INVALID_SECURITY_DESCR;
    if (args.DesiredAccess & 0xf000_0000) return ntstatus.STATUS_GENERIC_NOT_MAPPED;
    const { GenericRead, GenericWrite, GenericExecute, GenericAll } = args.GenericMapping;
    const mapping = { read: GenericRead, write: GenericWrite, execute: GenericExecute, all: GenericAll };
    const { granted, allowed } = accessCheck(token, descriptor, args.DesiredAccess, mapping);
    args.GrantedAccess.set(granted);
    args.AccessStatus.set(allowed ? ntstatus.STATUS_SUCCESS : ntstatus.STATUS_ACCESS_DENIED);
    return ntstatus.STATUS_SUCCESS;
  },
});

export const NtAllocateLocallyUniqueId = systemService("NtAllocateLocallyUniqueId", {
  support: full,
  params: { Luid: value(PVOID) },
  run(call, { Luid }) {
    call.memory.writeUint64(Luid, takeLuid(call.machine));
    return ntstatus.STATUS_SUCCESS;
  },
});

export const NtAdjustGroupsToken = systemService("NtAdjustGroupsToken", {
  support: missing,
  params: {
    TokenHandle: value(HANDLE),
    ResetToDefault: value(BOOLEAN),
    NewState: value(PVOID),
    BufferLength: value(ULONG_LENGTH),
    PreviousState: value(PVOID),
    ReturnLength: value(PVOID),
  },
});

export const NtFilterToken = systemService("NtFilterToken", {
  support: missing,
  params: {
    ExistingTokenHandle: value(HANDLE),
    Flags: value(ULONG),
    SidsToDisable: value(PVOID),
    PrivilegesToDelete: value(PVOID),
    RestrictedSids: value(PVOID),
    NewTokenHandle: out(HANDLE),
  },
});
