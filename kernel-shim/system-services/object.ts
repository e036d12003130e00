/** Handles, names and directories. */
import { ObjectAttributeFlags, ProcessAccess, StandardAccess } from "../abi/access.ts";
import { BytesMemory } from "../abi/bytes-memory.ts";
import { ntstatus } from "../abi/ntstatus.ts";
import { encodeUtf16, UNICODE_STRING } from "../abi/structures.ts";
import { at, struct } from "../abi/struct.ts";
import { ACCESS_MASK, enumeration, flags, HANDLE, LARGE_INTEGER, u32, u8, ULONG, ULONG_LENGTH } from "../abi/type.ts";
import { VolumeFile } from "../io-manager/volume-file.ts";
import { closeHandle } from "../object-manager/close.ts";
import type { KernelObject, ObjectType } from "../object-manager/kernel-object.ts";
import { objectTypes } from "../object-manager/kernel-object.ts";
import { Process } from "../process-manager/process.ts";
import { full, inBuffer, NO_RETURN, optional, out, outBuffer, partial, systemService, value } from "./service.ts";
import { grantAccess, type ServiceCall } from "./service-call.ts";

const { OBJ_INHERIT, OBJ_PROTECT_CLOSE } = ObjectAttributeFlags;

export const NtClose = systemService("NtClose", {
  support: full,
  params: { Handle: value(HANDLE) },
  run(call, { Handle }) {
    const entry = call.process.handles.get(Handle);
    if (entry === undefined) return ntstatus.STATUS_INVALID_HANDLE;
    if (entry.attributes & OBJ_PROTECT_CLOSE) return ntstatus.STATUS_HANDLE_NOT_CLOSABLE;
    closeHandle(call.machine, call.process, Handle);
    // A job may take its closer with it.
    return call.process.exited ? NO_RETURN : ntstatus.STATUS_SUCCESS;
  },
});

const DUPLICATE_OPTIONS = flags("DUPLICATE_OPTIONS", {
  DUPLICATE_CLOSE_SOURCE: 1,
  DUPLICATE_SAME_ACCESS: 2,
  DUPLICATE_SAME_ATTRIBUTES: 4,
});

export const NtDuplicateObject = systemService("NtDuplicateObject", {
  support: full,
  params: {
    SourceProcessHandle: value(HANDLE),
    SourceHandle: value(HANDLE),
    TargetProcessHandle: value(HANDLE),
    TargetHandle: optional(out(HANDLE)),
    DesiredAccess: value(ACCESS_MASK),
    HandleAttributes: value(ObjectAttributeFlags),
    Options: value(DUPLICATE_OPTIONS),
  },
  run(
    call,
    { SourceProcessHandle, SourceHandle, TargetProcessHandle, TargetHandle, DesiredAccess, HandleAttributes, Options },
  ) {
    const source = call.reference(SourceProcessHandle, Process, ProcessAccess.PROCESS_DUP_HANDLE);
    const entry = source.handles.get(SourceHandle);
    const object =
      entry?.object ??
      (SourceHandle === -1 ? source : SourceHandle === -2 && source === call.process ? call.thread : undefined);
    if (object === undefined) return ntstatus.STATUS_INVALID_HANDLE;
    const attributes =
      Options & DUPLICATE_OPTIONS.DUPLICATE_SAME_ATTRIBUTES ? (entry?.attributes ?? 0) : HandleAttributes;
    const access =
      Options & DUPLICATE_OPTIONS.DUPLICATE_SAME_ACCESS
        ? (entry?.access ?? object.type.genericMapping.all)
        : grantAccess(object.type, DesiredAccess);
    if (TargetProcessHandle !== 0) {
      const target = call.reference(TargetProcessHandle, Process, ProcessAccess.PROCESS_DUP_HANDLE);
      if (target.exited) return ntstatus.STATUS_PROCESS_IS_TERMINATING;
      const handle = target.handles.insert(object, access, attributes);
      if (TargetHandle === undefined) closeHandle(call.machine, target, handle);
      else TargetHandle.set(handle);
    }
    if (Options & DUPLICATE_OPTIONS.DUPLICATE_CLOSE_SOURCE && entry !== undefined) {
      if (entry.attributes & OBJ_PROTECT_CLOSE) return ntstatus.STATUS_HANDLE_NOT_CLOSABLE;
      closeHandle(call.machine, source, SourceHandle);
    }
    return ntstatus.STATUS_SUCCESS;
  },
});

export const NtMakeTemporaryObject = systemService("NtMakeTemporaryObject", {
  support: full,
  params: { Handle: value(HANDLE) },
  run(call, { Handle }) {
    const object = call.objectOf(Handle);
    if (object === undefined) return ntstatus.STATUS_INVALID_HANDLE;
    object.permanent = false;
    return ntstatus.STATUS_SUCCESS;
  },
});

const OBJECT_INFORMATION_CLASS = enumeration("OBJECT_INFORMATION_CLASS", {
  ObjectBasicInformation: 0, ObjectNameInformation: 1, ObjectTypeInformation: 2, ObjectTypesInformation: 3, ObjectHandleFlagInformation: 4,
}); // prettier-ignore
const OBJECT_BASIC_INFORMATION = struct("OBJECT_BASIC_INFORMATION", 0x38, {
  Attributes: at(0x0, u32), GrantedAccess: at(0x4, u32), HandleCount: at(0x8, u32), PointerCount: at(0xc, u32), PagedPoolCharge: at(0x10, u32),
  NonPagedPoolCharge: at(0x14, u32), NameInfoSize: at(0x24, u32), TypeInfoSize: at(0x28, u32), SecurityDescriptorSize: at(0x2c, u32),
  CreationTime: at(0x30, LARGE_INTEGER),
}); // prettier-ignore
const OBJECT_TYPE_INFORMATION = struct("OBJECT_TYPE_INFORMATION", 0x68, {
  TypeName: at(0x0, UNICODE_STRING), TotalNumberOfObjects: at(0x10, u32), TotalNumberOfHandles: at(0x14, u32),
  InvalidAttributes: at(0x40, u32), GenericRead: at(0x44, u32), GenericWrite: at(0x48, u32), GenericExecute: at(0x4c, u32),
  GenericAll: at(0x50, u32), ValidAccessMask: at(0x54, u32), SecurityRequired: at(0x58, u8), MaintainHandleCount: at(0x59, u8),
  TypeIndex: at(0x5a, u8), PoolType: at(0x5c, u32),
}); // prettier-ignore

/** One OBJECT_TYPE_INFORMATION with its name behind it, for a buffer that will lie at `address`. */
function typeInformation({ name, genericMapping, validAccess, index }: ObjectType, address: number): Uint8Array {
  const text = encodeUtf16(name);
  const memory = new BytesMemory(Math.ceil((OBJECT_TYPE_INFORMATION.size + text.length + 2) / 8) * 8);
  OBJECT_TYPE_INFORMATION.set(memory, 0, {
    TypeName: { Length: text.length, MaximumLength: text.length + 2, Buffer: address + OBJECT_TYPE_INFORMATION.size },
    GenericRead: genericMapping.read,
    GenericWrite: genericMapping.write,
    GenericExecute: genericMapping.execute,
    GenericAll: genericMapping.all,
    ValidAccessMask: validAccess,
    TypeIndex: index,
  });
  memory.write(OBJECT_TYPE_INFORMATION.size, text);
  return memory.bytes;
}

/** Wine's kernelbase takes the Win32 path of a file from here; Windows' asks the mount manager what it makes of the device's path. */
function nameOf(call: ServiceCall, object: KernelObject): string {
  return call.process.entries?.isWine === true && object instanceof VolumeFile
    ? `\\??\\${object.device.driveLetter}${object.fileName}`
    : object.path;
}

export const NtQueryObject = systemService("NtQueryObject", {
  support: partial("pointer counts and pool charges are not kept"),
  params: {
    Handle: value(HANDLE),
    ObjectInformationClass: value(OBJECT_INFORMATION_CLASS),
    ObjectInformation: outBuffer("ObjectInformationLength"),
    ObjectInformationLength: value(ULONG_LENGTH),
    ReturnLength: optional(out(ULONG_LENGTH)),
  },
  run(call, { Handle, ObjectInformationClass, ObjectInformation: buffer, ReturnLength }) {
    const C = OBJECT_INFORMATION_CLASS;
    const object = call.objectOf(Handle);
    if (object === undefined && ObjectInformationClass !== C.ObjectTypesInformation)
      return ntstatus.STATUS_INVALID_HANDLE;
    const entry = call.process.handles.get(Handle);
    const whole = (bytes: Uint8Array, tooSmall: number): number => {
      ReturnLength?.set(bytes.length);
      if (buffer.length < bytes.length) return tooSmall;
      buffer.write(bytes);
      return ntstatus.STATUS_SUCCESS;
    };
    switch (ObjectInformationClass) {
      case C.ObjectBasicInformation: {
        if (object === undefined) return ntstatus.STATUS_INVALID_HANDLE;
        const memory = new BytesMemory(OBJECT_BASIC_INFORMATION.size);
        OBJECT_BASIC_INFORMATION.set(memory, 0, {
          Attributes: (entry?.attributes ?? 0) | (object.permanent ? ObjectAttributeFlags.OBJ_PERMANENT : 0),
          GrantedAccess: call.grantedAccess(Handle),
          HandleCount: object.handleCount,
          PointerCount: object.handleCount + 1,
          NameInfoSize: object.path === "" ? 0 : UNICODE_STRING.size + object.path.length * 2 + 2,
          TypeInfoSize: OBJECT_TYPE_INFORMATION.size + object.type.name.length * 2 + 2,
        });
        if (buffer.length !== memory.bytes.length) return ntstatus.STATUS_INFO_LENGTH_MISMATCH;
        return whole(memory.bytes, ntstatus.STATUS_INFO_LENGTH_MISMATCH);
      }
      case C.ObjectNameInformation: {
        const name = encodeUtf16(object === undefined ? "" : nameOf(call, object));
        const text = name.length === 0 ? 0 : name.length + 2;
        const memory = new BytesMemory(UNICODE_STRING.size + text);
        if (text > 0) {
          UNICODE_STRING.write(memory, 0, {
            Length: name.length,
            MaximumLength: text,
            Buffer: buffer.address + UNICODE_STRING.size,
          });
          memory.write(UNICODE_STRING.size, name);
        }
        return whole(
          memory.bytes,
          buffer.length < UNICODE_STRING.size ? ntstatus.STATUS_INFO_LENGTH_MISMATCH : ntstatus.STATUS_BUFFER_OVERFLOW,
        );
      }
      case C.ObjectTypeInformation:
        if (object === undefined) return ntstatus.STATUS_INVALID_HANDLE;
        return whole(typeInformation(object.type, buffer.address), ntstatus.STATUS_INFO_LENGTH_MISMATCH);
      case C.ObjectTypesInformation: {
        const types = objectTypes();
        const entries: Uint8Array[] = [];
        let address = buffer.address + 8;
        for (const type of types) {
          const bytes = typeInformation(type, address);
          entries.push(bytes);
          address += bytes.length;
        }
        const memory = new BytesMemory(address - buffer.address);
        memory.writeUint32(0, types.length);
        let offset = 8;
        for (const bytes of entries) {
          memory.write(offset, bytes);
          offset += bytes.length;
        }
        return whole(memory.bytes, ntstatus.STATUS_INFO_LENGTH_MISMATCH);
      }
      case C.ObjectHandleFlagInformation: {
        const attributes = entry?.attributes ?? 0;
        return whole(
          Uint8Array.of(attributes & OBJ_INHERIT ? 1 : 0, attributes & OBJ_PROTECT_CLOSE ? 1 : 0),
          ntstatus.STATUS_INFO_LENGTH_MISMATCH,
        );
      }
      default:
        return ntstatus.STATUS_INVALID_INFO_CLASS;
    }
  },
});

export const NtSetInformationObject = systemService("NtSetInformationObject", {
  support: partial("handle flags only"),
  params: {
    Handle: value(HANDLE),
    ObjectInformationClass: value(OBJECT_INFORMATION_CLASS),
    ObjectInformation: inBuffer("ObjectInformationLength"),
    ObjectInformationLength: value(ULONG_LENGTH),
  },
  run(call, { Handle, ObjectInformationClass, ObjectInformation }) {
    if (ObjectInformationClass !== OBJECT_INFORMATION_CLASS.ObjectHandleFlagInformation)
      return ntstatus.STATUS_INVALID_INFO_CLASS;
    if (ObjectInformation.length < 2) return ntstatus.STATUS_INFO_LENGTH_MISMATCH;
    const entry = call.process.handles.get(Handle);
    if (entry === undefined) return ntstatus.STATUS_INVALID_HANDLE;
    const [inherit, protect] = ObjectInformation.bytes();
    entry.attributes = (inherit ? OBJ_INHERIT : 0) | (protect ? OBJ_PROTECT_CLOSE : 0);
    return ntstatus.STATUS_SUCCESS;
  },
});

export const NtCompareObjects = systemService("NtCompareObjects", {
  support: full,
  params: { FirstObjectHandle: value(HANDLE), SecondObjectHandle: value(HANDLE) },
  run(call, { FirstObjectHandle, SecondObjectHandle }) {
    const first = call.objectOf(FirstObjectHandle);
    const second = call.objectOf(SecondObjectHandle);
    if (first === undefined || second === undefined) return ntstatus.STATUS_INVALID_HANDLE;
    return first === second ? ntstatus.STATUS_SUCCESS : ntstatus.STATUS_NOT_SAME_OBJECT;
  },
});

const SECURITY_DESCRIPTOR_CONTROL_SELF_RELATIVE = 0x8000;

/** What an object without a descriptor of its own is said to have: revision 1, self-relative, nothing in it. */
function emptyDescriptor(): Uint8Array {
  const memory = new BytesMemory(0x14);
  memory.writeUint8(0, 1);
  memory.writeUint16(2, SECURITY_DESCRIPTOR_CONTROL_SELF_RELATIVE);
  return memory.bytes;
}
export const NtQuerySecurityObject = systemService("NtQuerySecurityObject", {
  support: partial("an object that was given none has an empty descriptor"),
  params: {
    Handle: value(HANDLE),
    SecurityInformation: value(ULONG),
    SecurityDescriptor: outBuffer("Length"),
    Length: value(ULONG_LENGTH),
    LengthNeeded: out(ULONG),
  },
  run(call, { Handle, SecurityDescriptor, LengthNeeded }) {
    const object = call.objectOf(Handle);
    if (object === undefined) return ntstatus.STATUS_INVALID_HANDLE;
    if (!(call.grantedAccess(Handle) & StandardAccess.READ_CONTROL)) return ntstatus.STATUS_ACCESS_DENIED;
    const bytes = object.securityDescriptor ?? emptyDescriptor();
    LengthNeeded.set(bytes.length);
    if (SecurityDescriptor.length < bytes.length) return ntstatus.STATUS_BUFFER_TOO_SMALL;
    SecurityDescriptor.write(bytes);
    return ntstatus.STATUS_SUCCESS;
  },
});
