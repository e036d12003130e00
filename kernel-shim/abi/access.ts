/** Access masks by object type ([MS-DTYP] 2.4.3, and the SDK's winnt.h). */
import { flags } from "./type.ts";

export const StandardAccess = {
  DELETE: 0x0001_0000,
  READ_CONTROL: 0x0002_0000,
  WRITE_DAC: 0x0004_0000,
  WRITE_OWNER: 0x0008_0000,
  SYNCHRONIZE: 0x0010_0000,
  ACCESS_SYSTEM_SECURITY: 0x0100_0000,
  MAXIMUM_ALLOWED: 0x0200_0000,
  GENERIC_ALL: 0x1000_0000,
  GENERIC_EXECUTE: 0x2000_0000,
  GENERIC_WRITE: 0x4000_0000,
  GENERIC_READ: 0x8000_0000,
} as const;
export const GenericAccess = flags("ACCESS_MASK", StandardAccess);

/** What the four generic rights mean for a type. */
export interface GenericMapping {
  readonly read: number;
  readonly write: number;
  readonly execute: number;
  readonly all: number;
}

/** RtlMapGenericMask. */
export function mapGenericMask(access: number, mapping: GenericMapping): number {
  let mapped = access & 0x0fff_ffff;
  if (access & StandardAccess.GENERIC_READ) mapped |= mapping.read;
  if (access & StandardAccess.GENERIC_WRITE) mapped |= mapping.write;
  if (access & StandardAccess.GENERIC_EXECUTE) mapped |= mapping.execute;
  if (access & StandardAccess.GENERIC_ALL) mapped |= mapping.all;
  return mapped >>> 0;
}

export const DirectoryAccess = flags("DIRECTORY_ACCESS", {
  DIRECTORY_ALL_ACCESS: 0xf000f, DIRECTORY_QUERY: 1, DIRECTORY_TRAVERSE: 2, DIRECTORY_CREATE_OBJECT: 4,
  DIRECTORY_CREATE_SUBDIRECTORY: 8, ...StandardAccess,
}); // prettier-ignore
export const SymbolicLinkAccess = flags("SYMBOLIC_LINK_ACCESS", {
  SYMBOLIC_LINK_ALL_ACCESS: 0xf0001, SYMBOLIC_LINK_QUERY: 1, ...StandardAccess,
}); // prettier-ignore
export const EventAccess = flags("EVENT_ACCESS", {
  EVENT_ALL_ACCESS: 0x1f0003, EVENT_QUERY_STATE: 1, EVENT_MODIFY_STATE: 2, ...StandardAccess,
}); // prettier-ignore
export const KeyedEventAccess = flags("KEYEDEVENT_ACCESS", {
  KEYEDEVENT_ALL_ACCESS: 0xf0003, KEYEDEVENT_WAIT: 1, KEYEDEVENT_WAKE: 2, ...StandardAccess,
}); // prettier-ignore
export const MutantAccess = flags("MUTANT_ACCESS", {
  MUTANT_ALL_ACCESS: 0x1f0001, MUTANT_QUERY_STATE: 1, ...StandardAccess,
}); // prettier-ignore
export const SemaphoreAccess = flags("SEMAPHORE_ACCESS", {
  SEMAPHORE_ALL_ACCESS: 0x1f0003, SEMAPHORE_QUERY_STATE: 1, SEMAPHORE_MODIFY_STATE: 2, ...StandardAccess,
}); // prettier-ignore
export const TimerAccess = flags("TIMER_ACCESS", {
  TIMER_ALL_ACCESS: 0x1f0003, TIMER_QUERY_STATE: 1, TIMER_MODIFY_STATE: 2, ...StandardAccess,
}); // prettier-ignore
export const IoCompletionAccess = flags("IO_COMPLETION_ACCESS", {
  IO_COMPLETION_ALL_ACCESS: 0x1f0003, IO_COMPLETION_QUERY_STATE: 1, IO_COMPLETION_MODIFY_STATE: 2, ...StandardAccess,
}); // prettier-ignore
export const SectionAccess = flags("SECTION_ACCESS", {
  SECTION_ALL_ACCESS: 0xf001f, SECTION_QUERY: 1, SECTION_MAP_WRITE: 2, SECTION_MAP_READ: 4, SECTION_MAP_EXECUTE: 8,
  SECTION_EXTEND_SIZE: 0x10, SECTION_MAP_EXECUTE_EXPLICIT: 0x20, ...StandardAccess,
}); // prettier-ignore
export const ProcessAccess = flags("PROCESS_ACCESS", {
  PROCESS_ALL_ACCESS: 0x1fffff, PROCESS_TERMINATE: 1, PROCESS_CREATE_THREAD: 2, PROCESS_SET_SESSIONID: 4, PROCESS_VM_OPERATION: 8,
  PROCESS_VM_READ: 0x10, PROCESS_VM_WRITE: 0x20, PROCESS_DUP_HANDLE: 0x40, PROCESS_CREATE_PROCESS: 0x80, PROCESS_SET_QUOTA: 0x100,
  PROCESS_SET_INFORMATION: 0x200, PROCESS_QUERY_INFORMATION: 0x400, PROCESS_SUSPEND_RESUME: 0x800,
  PROCESS_QUERY_LIMITED_INFORMATION: 0x1000, PROCESS_SET_LIMITED_INFORMATION: 0x2000, ...StandardAccess,
}); // prettier-ignore
export const ThreadAccess = flags("THREAD_ACCESS", {
  THREAD_ALL_ACCESS: 0x1fffff, THREAD_TERMINATE: 1, THREAD_SUSPEND_RESUME: 2, THREAD_ALERT: 4, THREAD_GET_CONTEXT: 8,
  THREAD_SET_CONTEXT: 0x10, THREAD_SET_INFORMATION: 0x20, THREAD_QUERY_INFORMATION: 0x40, THREAD_SET_THREAD_TOKEN: 0x80,
  THREAD_IMPERSONATE: 0x100, THREAD_DIRECT_IMPERSONATION: 0x200, THREAD_SET_LIMITED_INFORMATION: 0x400,
  THREAD_QUERY_LIMITED_INFORMATION: 0x800, THREAD_RESUME: 0x1000, ...StandardAccess,
}); // prettier-ignore
export const JobObjectAccess = flags("JOB_OBJECT_ACCESS", {
  JOB_OBJECT_ALL_ACCESS: 0x1f001f, JOB_OBJECT_ASSIGN_PROCESS: 1, JOB_OBJECT_SET_ATTRIBUTES: 2, JOB_OBJECT_QUERY: 4,
  JOB_OBJECT_TERMINATE: 8, JOB_OBJECT_SET_SECURITY_ATTRIBUTES: 0x10, ...StandardAccess,
}); // prettier-ignore
export const FileAccess = flags("FILE_ACCESS", {
  FILE_ALL_ACCESS: 0x1f01ff, FILE_GENERIC_READ: 0x120089, FILE_GENERIC_WRITE: 0x120116, FILE_GENERIC_EXECUTE: 0x1200a0,
  FILE_READ_DATA: 1, FILE_WRITE_DATA: 2, FILE_APPEND_DATA: 4, FILE_READ_EA: 8, FILE_WRITE_EA: 0x10, FILE_EXECUTE: 0x20,
  FILE_DELETE_CHILD: 0x40, FILE_READ_ATTRIBUTES: 0x80, FILE_WRITE_ATTRIBUTES: 0x100, ...StandardAccess,
}); // prettier-ignore
export const KeyAccess = flags("KEY_ACCESS", {
  KEY_ALL_ACCESS: 0xf003f, KEY_READ: 0x20019, KEY_WRITE: 0x20006, KEY_QUERY_VALUE: 1, KEY_SET_VALUE: 2, KEY_CREATE_SUB_KEY: 4,
  KEY_ENUMERATE_SUB_KEYS: 8, KEY_NOTIFY: 0x10, KEY_CREATE_LINK: 0x20, KEY_WOW64_64KEY: 0x100, KEY_WOW64_32KEY: 0x200,
  ...StandardAccess,
}); // prettier-ignore
export const TokenAccess = flags("TOKEN_ACCESS", {
  TOKEN_ALL_ACCESS: 0xf01ff, TOKEN_ASSIGN_PRIMARY: 1, TOKEN_DUPLICATE: 2, TOKEN_IMPERSONATE: 4, TOKEN_QUERY: 8,
  TOKEN_QUERY_SOURCE: 0x10, TOKEN_ADJUST_PRIVILEGES: 0x20, TOKEN_ADJUST_GROUPS: 0x40, TOKEN_ADJUST_DEFAULT: 0x80,
  TOKEN_ADJUST_SESSIONID: 0x100, ...StandardAccess,
}); // prettier-ignore

/** OBJECT_ATTRIBUTES.Attributes and handle attributes. */
export const ObjectAttributeFlags = flags("OBJECT_ATTRIBUTE_FLAGS", {
  OBJ_PROTECT_CLOSE: 0x1, OBJ_INHERIT: 0x2, OBJ_PERMANENT: 0x10, OBJ_EXCLUSIVE: 0x20, OBJ_CASE_INSENSITIVE: 0x40, OBJ_OPENIF: 0x80,
  OBJ_OPENLINK: 0x100, OBJ_KERNEL_HANDLE: 0x200, OBJ_FORCE_ACCESS_CHECK: 0x400, OBJ_IGNORE_IMPERSONATED_DEVICEMAP: 0x800,
  OBJ_DONT_REPARSE: 0x1000,
}); // prettier-ignore
