/** Guest structures that several services share, 64-bit layout. */
import type { Captured, CaptureContext, GuestMemory, Type } from "./type.ts";
import {
  decimal,
  formatCaptured,
  HANDLE,
  LARGE_INTEGER,
  LONG,
  PVOID,
  quote,
  u16,
  u32,
  u64,
  u8,
  ULONG_PTR,
  pointerTo,
} from "./type.ts";
import { array, at, bytes, struct } from "./struct.ts";
import { ObjectAttributeFlags } from "./access.ts";
import { formatFields } from "./type.ts";
import { isFields } from "./struct.ts";

export const UNICODE_STRING = struct("UNICODE_STRING", 0x10, {
  Length: at(0x0, u16),
  MaximumLength: at(0x2, u16),
  Buffer: at(0x8, pointerTo("WCHAR")),
});

/** Text as its 16-bit units: lone surrogates survive, unlike with TextDecoder, because names are sequences of units. */
export function decodeUtf16(text: Uint8Array): string {
  let out = "";
  for (let at = 0; at + 1 < text.length; at += 2) out += String.fromCharCode(text[at] | (text[at + 1] << 8));
  return out;
}
export function encodeUtf16(text: string): Uint8Array {
  const units = new Uint8Array(text.length * 2);
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    units[i * 2] = unit;
    units[i * 2 + 1] = unit >> 8;
  }
  return units;
}

/** The text of the UNICODE_STRING at `address`. */
export function readUnicodeString(memory: GuestMemory, address: number): string {
  const { Length, Buffer } = UNICODE_STRING.read(memory, address);
  return Length === 0 ? "" : decodeUtf16(memory.read(Buffer, Length & ~1));
}

/** A UNICODE_STRING as its text. Read-only. */
export const UnicodeString: Type<string> = {
  name: "UNICODE_STRING",
  size: 0x10,
  alignment: 8,
  read: readUnicodeString,
  write: () => {
    throw new Error("a UNICODE_STRING is written with its buffer, see UNICODE_STRING");
  },
  capture: (value) => value,
  format: (captured) => (typeof captured === "string" ? quote(captured) : formatCaptured(captured)),
};

const OBJECT_ATTRIBUTES_LAYOUT = struct("OBJECT_ATTRIBUTES", 0x30, {
  Length: at(0x0, u32),
  RootDirectory: at(0x8, HANDLE),
  ObjectName: at(0x10, pointerTo("UNICODE_STRING")),
  Attributes: at(0x18, ObjectAttributeFlags),
  SecurityDescriptor: at(0x20, PVOID),
  SecurityQualityOfService: at(0x28, PVOID),
});

export interface ObjectAttributes {
  readonly RootDirectory: number;
  /** Undefined where ObjectName is a null pointer: the object has no name. */
  readonly ObjectName: string | undefined;
  readonly Attributes: number;
  readonly SecurityDescriptor: number;
  readonly SecurityQualityOfService: number;
  /** As the caller gave it; services answer STATUS_INVALID_PARAMETER unless it is the structure's size. */
  readonly Length: number;
}

/** OBJECT_ATTRIBUTES with its name read as well. Read-only. */
export const OBJECT_ATTRIBUTES: Type<ObjectAttributes> = {
  name: "OBJECT_ATTRIBUTES",
  size: 0x30,
  alignment: 8,
  read(memory, address) {
    const raw = OBJECT_ATTRIBUTES_LAYOUT.read(memory, address);
    return { ...raw, ObjectName: raw.ObjectName === 0 ? undefined : readUnicodeString(memory, raw.ObjectName) };
  },
  write: () => {
    throw new Error("OBJECT_ATTRIBUTES is written by guests only");
  },
  capture(value: ObjectAttributes, context: CaptureContext): Captured {
    const fields: Record<string, Captured> = { ObjectName: value.ObjectName ?? null };
    if (value.RootDirectory !== 0) fields.RootDirectory = HANDLE.capture(value.RootDirectory, context);
    fields.Attributes = value.Attributes;
    return { fields };
  },
  format: (captured) =>
    isFields(captured)
      ? formatFields(captured.fields, (value, name) =>
          name === "Attributes" ? ObjectAttributeFlags.format(value) : formatCaptured(value),
        )
      : formatCaptured(captured),
};

export const IO_STATUS_BLOCK = struct("IO_STATUS_BLOCK", 0x10, {
  Status: at(0x0, u32),
  Information: at(0x8, decimal(ULONG_PTR)),
});
export const CLIENT_ID = struct("CLIENT_ID", 0x10, { UniqueProcess: at(0x0, HANDLE), UniqueThread: at(0x8, HANDLE) });

export const EXCEPTION_MAXIMUM_PARAMETERS = 15;
export const EXCEPTION_RECORD = struct("EXCEPTION_RECORD", 0x98, {
  ExceptionCode: at(0x0, u32),
  ExceptionFlags: at(0x4, u32),
  ExceptionRecord: at(0x8, pointerTo("EXCEPTION_RECORD")),
  ExceptionAddress: at(0x10, PVOID),
  NumberParameters: at(0x18, u32),
  ExceptionInformation: at(0x20, array(u64, EXCEPTION_MAXIMUM_PARAMETERS)),
});

/** The AMD64 CONTEXT; its integer registers lie in encoding order from Rax on. */
export const CONTEXT = struct("CONTEXT", 0x4d0, {
  P1Home: at(0x0, array(u64, 6)),
  ContextFlags: at(0x30, u32),
  MxCsr: at(0x34, u32),
  SegCs: at(0x38, u16),
  SegDs: at(0x3a, u16),
  SegEs: at(0x3c, u16),
  SegFs: at(0x3e, u16),
  SegGs: at(0x40, u16),
  SegSs: at(0x42, u16),
  EFlags: at(0x44, u32),
  Dr0: at(0x48, array(u64, 6)),
  Rax: at(0x78, u64),
  Rcx: at(0x80, u64),
  Rdx: at(0x88, u64),
  Rbx: at(0x90, u64),
  Rsp: at(0x98, u64),
  Rbp: at(0xa0, u64),
  Rsi: at(0xa8, u64),
  Rdi: at(0xb0, u64),
  R8: at(0xb8, array(u64, 8)),
  Rip: at(0xf8, u64),
  /** XSAVE_FORMAT: the FXSAVE image. */
  FltSave: at(0x100, bytes(0x200, 16)),
  VectorRegister: at(0x300, bytes(0x1a0, 16)),
  VectorControl: at(0x4a0, u64),
  DebugControl: at(0x4a8, array(u64, 5)),
});

/** Behind a CONTEXT: where its parts lie, from the CONTEXT_EX on. */
export const CONTEXT_EX = struct("CONTEXT_EX", 0x18, {
  AllOffset: at(0x0, LONG),
  AllLength: at(0x4, u32),
  LegacyOffset: at(0x8, LONG),
  LegacyLength: at(0xc, u32),
  XStateOffset: at(0x10, LONG),
  XStateLength: at(0x14, u32),
});

export const MEMORY_BASIC_INFORMATION = struct("MEMORY_BASIC_INFORMATION", 0x30, {
  BaseAddress: at(0x0, PVOID),
  AllocationBase: at(0x8, PVOID),
  AllocationProtect: at(0x10, u32),
  PartitionId: at(0x14, u16),
  RegionSize: at(0x18, ULONG_PTR),
  State: at(0x20, u32),
  Protect: at(0x24, u32),
  Type: at(0x28, u32),
});

export const SECTION_IMAGE_INFORMATION = struct("SECTION_IMAGE_INFORMATION", 0x40, {
  TransferAddress: at(0x0, PVOID),
  ZeroBits: at(0x8, u32),
  MaximumStackSize: at(0x10, ULONG_PTR),
  CommittedStackSize: at(0x18, ULONG_PTR),
  SubSystemType: at(0x20, u32),
  SubSystemMinorVersion: at(0x24, u16),
  SubSystemMajorVersion: at(0x26, u16),
  MajorOperatingSystemVersion: at(0x28, u16),
  MinorOperatingSystemVersion: at(0x2a, u16),
  ImageCharacteristics: at(0x2c, u16),
  DllCharacteristics: at(0x2e, u16),
  Machine: at(0x30, u16),
  ImageContainsCode: at(0x32, u8),
  ImageFlags: at(0x33, u8),
  LoaderFlags: at(0x34, u32),
  ImageFileSize: at(0x38, u32),
  CheckSum: at(0x3c, u32),
});

/** The fields of the TEB that the kernel writes or reads. */
export const TEB = struct("TEB", 0x1838, {
  ExceptionList: at(0x0, ULONG_PTR),
  StackBase: at(0x8, PVOID),
  StackLimit: at(0x10, PVOID),
  Self: at(0x30, PVOID),
  ClientId: at(0x40, CLIENT_ID),
  ThreadLocalStoragePointer: at(0x58, PVOID),
  ProcessEnvironmentBlock: at(0x60, PVOID),
  LastErrorValue: at(0x68, u32),
  ActivationContextStackPointer: at(0x2c8, PVOID),
  RealClientId: at(0x7d8, CLIENT_ID),
  StaticUnicodeString: at(0x1258, UNICODE_STRING),
  StaticUnicodeBuffer: at(0x1268, array(u16, 261)),
  DeallocationStack: at(0x1478, PVOID),
  HardErrorMode: at(0x16b0, u32),
  SameTebFlags: at(0x17ee, u16),
});

/** The fields of the PEB that the kernel writes or reads. */
export const PEB = struct("PEB", 0x7d0, {
  BeingDebugged: at(0x2, u8),
  BitField: at(0x3, u8),
  ImageBaseAddress: at(0x10, PVOID),
  Ldr: at(0x18, PVOID),
  ProcessParameters: at(0x20, PVOID),
  ApiSetMap: at(0x68, PVOID),
  AnsiCodePageData: at(0xa0, PVOID),
  OemCodePageData: at(0xa8, PVOID),
  UnicodeCaseTableData: at(0xb0, PVOID),
  NumberOfProcessors: at(0xb8, u32),
  NtGlobalFlag: at(0xbc, u32),
  CriticalSectionTimeout: at(0xc0, LARGE_INTEGER),
  HeapSegmentReserve: at(0xc8, ULONG_PTR),
  HeapSegmentCommit: at(0xd0, ULONG_PTR),
  HeapDeCommitTotalFreeThreshold: at(0xd8, ULONG_PTR),
  HeapDeCommitFreeBlockThreshold: at(0xe0, ULONG_PTR),
  NumberOfHeaps: at(0xe8, u32),
  MaximumNumberOfHeaps: at(0xec, u32),
  ProcessHeaps: at(0xf0, PVOID),
  OSMajorVersion: at(0x118, u32),
  OSMinorVersion: at(0x11c, u32),
  OSBuildNumber: at(0x120, u16),
  OSCSDVersion: at(0x122, u16),
  OSPlatformId: at(0x124, u32),
  ImageSubsystem: at(0x128, u32),
  ImageSubsystemMajorVersion: at(0x12c, u32),
  ImageSubsystemMinorVersion: at(0x130, u32),
  ActiveProcessAffinityMask: at(0x138, ULONG_PTR),
  SessionId: at(0x2c0, u32),
});

export const RTL_USER_PROCESS_PARAMETERS = struct("RTL_USER_PROCESS_PARAMETERS", 0x448, {
  MaximumLength: at(0x0, u32),
  Length: at(0x4, u32),
  Flags: at(0x8, u32),
  DebugFlags: at(0xc, u32),
  ConsoleHandle: at(0x10, HANDLE),
  ConsoleFlags: at(0x18, u32),
  StandardInput: at(0x20, HANDLE),
  StandardOutput: at(0x28, HANDLE),
  StandardError: at(0x30, HANDLE),
  CurrentDirectory: at(0x38, UNICODE_STRING),
  CurrentDirectoryHandle: at(0x48, HANDLE),
  DllPath: at(0x50, UNICODE_STRING),
  ImagePathName: at(0x60, UNICODE_STRING),
  CommandLine: at(0x70, UNICODE_STRING),
  Environment: at(0x80, PVOID),
  StartingX: at(0x88, u32),
  StartingY: at(0x8c, u32),
  CountX: at(0x90, u32),
  CountY: at(0x94, u32),
  CountCharsX: at(0x98, u32),
  CountCharsY: at(0x9c, u32),
  FillAttribute: at(0xa0, u32),
  WindowFlags: at(0xa4, u32),
  ShowWindowFlags: at(0xa8, u32),
  WindowTitle: at(0xb0, UNICODE_STRING),
  DesktopInfo: at(0xc0, UNICODE_STRING),
  ShellInfo: at(0xd0, UNICODE_STRING),
  RuntimeData: at(0xe0, UNICODE_STRING),
  EnvironmentSize: at(0x3f0, ULONG_PTR),
  EnvironmentVersion: at(0x3f8, ULONG_PTR),
  ProcessGroupId: at(0x408, u32),
});

/** KSYSTEM_TIME: High1Time, LowPart, High2Time are written so that readers without a lock see a consistent value. */
export const KSYSTEM_TIME = struct("KSYSTEM_TIME", 0xc, {
  LowPart: at(0, u32),
  High1Time: at(4, LONG),
  High2Time: at(8, LONG),
});

const XSTATE_FEATURE = struct("XSTATE_FEATURE", 0x8, { Offset: at(0x0, u32), Size: at(0x4, u32) });
export const XSTATE_CONFIGURATION = struct("XSTATE_CONFIGURATION", 0x338, {
  EnabledFeatures: at(0x0, u64),
  EnabledVolatileFeatures: at(0x8, u64),
  Size: at(0x10, u32),
  /** OptimizedSave, CompactionEnabled. */
  ControlFlags: at(0x14, u32),
  /** As an area that is not compacted has them. */
  Features: at(0x18, array(XSTATE_FEATURE, 64)),
  EnabledSupervisorFeatures: at(0x218, u64),
  AlignedFeatures: at(0x220, u64),
  AllFeatureSize: at(0x228, u32),
  /** Sizes. */
  AllFeatures: at(0x22c, array(u32, 64)),
  EnabledUserVisibleSupervisorFeatures: at(0x330, u64),
});

export const KUSER_SHARED_DATA = struct("KUSER_SHARED_DATA", 0x720, {
  TickCountLowDeprecated: at(0x0, u32),
  TickCountMultiplier: at(0x4, u32),
  InterruptTime: at(0x8, KSYSTEM_TIME),
  SystemTime: at(0x14, KSYSTEM_TIME),
  TimeZoneBias: at(0x20, KSYSTEM_TIME),
  ImageNumberLow: at(0x2c, u16),
  ImageNumberHigh: at(0x2e, u16),
  NtSystemRoot: at(0x30, array(u16, 260)),
  LargePageMinimum: at(0x244, u32),
  NtBuildNumber: at(0x260, u32),
  NtProductType: at(0x264, u32),
  ProductTypeIsValid: at(0x268, u8),
  NativeProcessorArchitecture: at(0x26a, u16),
  NtMajorVersion: at(0x26c, u32),
  NtMinorVersion: at(0x270, u32),
  ProcessorFeatures: at(0x274, bytes(64)),
  SuiteMask: at(0x2d0, u32),
  NXSupportPolicy: at(0x2d5, u8),
  ActiveConsoleId: at(0x2d8, u32),
  NumberOfPhysicalPages: at(0x2e8, u32),
  SafeBootMode: at(0x2ec, u8),
  QpcFrequency: at(0x300, u64),
  SystemCall: at(0x308, u32),
  TickCount: at(0x320, KSYSTEM_TIME),
  Cookie: at(0x330, u32),
  ConsoleSessionForegroundProcessId: at(0x338, u64),
  ActiveProcessorCount: at(0x3c0, u32),
  ActiveGroupCount: at(0x3c4, u8),
  QpcData: at(0x3c6, u16),
  UnparkedProcessorCount: at(0x3d0, u32),
  XState: at(0x3d8, XSTATE_CONFIGURATION),
});
export const KUSER_SHARED_DATA_ADDRESS = 0x7ffe_0000;
