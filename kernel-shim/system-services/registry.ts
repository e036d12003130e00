/** The configuration manager's services: keys and values. */
import { EventAccess, KeyAccess } from "../abi/access.ts";
import type { NtStatus } from "../abi/ntstatus.ts";
import { ntstatus } from "../abi/ntstatus.ts";
import type { ObjectAttributes } from "../abi/structures.ts";
import { IO_STATUS_BLOCK, OBJECT_ATTRIBUTES, UnicodeString } from "../abi/structures.ts";
import { at, struct } from "../abi/struct.ts";
import {
  BOOLEAN,
  enumeration,
  flags,
  HANDLE,
  OPAQUE,
  pointerTo,
  PVOID,
  u32,
  ULONG,
  ULONG_LENGTH,
} from "../abi/type.ts";
import type { Information } from "../configuration-manager/key-information.ts";
import {
  KEY_INFORMATION_CLASS,
  KEY_VALUE_INFORMATION_CLASS,
  keyInformation,
  valueInformation,
} from "../configuration-manager/key-information.ts";
import { SYMBOLIC_LINK_VALUE } from "../configuration-manager/key-node.ts";
import type { KeyNode } from "../configuration-manager/key-node.ts";
import { KeyCreation, KeyObject } from "../configuration-manager/key-object.ts";
import { KeyWatch, registryOf } from "../configuration-manager/registry.ts";
import type { KeyValue } from "../configuration-manager/value.ts";
import { REG_TYPE } from "../configuration-manager/value.ts";
import { Event } from "../executive/event.ts";
import { StatusError } from "../executive/unsupported.ts";
import { Wait } from "../executive/wait.ts";
import { answerTruncated, answerWhole } from "./information-answer.ts";
import type { OutBuffer, OutPointer, ServiceCall } from "./service.ts";
import {
  full,
  inBuffer,
  inout,
  missing,
  optional,
  out,
  outBuffer,
  partial,
  pointer,
  systemService,
  value,
} from "./service.ts";

const REG_OPTION = flags("REG_OPTION", {
  REG_OPTION_VOLATILE: 1, REG_OPTION_CREATE_LINK: 2, REG_OPTION_BACKUP_RESTORE: 4, REG_OPTION_OPEN_LINK: 8, REG_OPTION_DONT_VIRTUALIZE: 0x10,
}); // prettier-ignore
const DISPOSITION = enumeration("REG_DISPOSITION", { REG_CREATED_NEW_KEY: 1, REG_OPENED_EXISTING_KEY: 2 });
const MAXIMUM_VALUE_NAME = 16383;

/** The node of a key that still exists. */
function keyOf(call: ServiceCall, handle: number, access: number): KeyNode {
  const { node } = call.reference(handle, KeyObject, access);
  if (node.deleted) throw new StatusError(ntstatus.STATUS_KEY_DELETED);
  return node;
}

function open(call: ServiceCall, attributes: ObjectAttributes, desiredAccess: number, creation?: KeyCreation): number {
  if (attributes.Length !== OBJECT_ATTRIBUTES.size) throw new StatusError(ntstatus.STATUS_INVALID_PARAMETER);
  if (attributes.RootDirectory === 0 && !attributes.ObjectName)
    throw new StatusError(ntstatus.STATUS_OBJECT_PATH_SYNTAX_BAD);
  const found = call.lookup(attributes, desiredAccess, creation);
  if ("missing" in found) throw new StatusError(ntstatus.STATUS_OBJECT_NAME_NOT_FOUND);
  if (!("object" in found)) {
    const status = "status" in found ? found.status : ntstatus.STATUS_OBJECT_PATH_NOT_FOUND;
    // Links in a circle: each substitution makes the name longer.
    throw new StatusError(status === ntstatus.STATUS_OBJECT_PATH_INVALID ? ntstatus.STATUS_NAME_TOO_LONG : status);
  }
  if (!(found.object instanceof KeyObject)) throw new StatusError(ntstatus.STATUS_OBJECT_TYPE_MISMATCH);
  const views = KeyAccess.KEY_WOW64_32KEY | KeyAccess.KEY_WOW64_64KEY;
  return call.openHandle(found.object, desiredAccess & ~views, attributes.Attributes);
}

export const NtCreateKey = systemService("NtCreateKey", {
  support: full,
  params: {
    KeyHandle: out(HANDLE),
    DesiredAccess: value(KeyAccess),
    ObjectAttributes: pointer(OBJECT_ATTRIBUTES),
    TitleIndex: value(ULONG),
    Class: optional(pointer(UnicodeString)),
    CreateOptions: value(REG_OPTION),
    Disposition: optional(out(DISPOSITION)),
  },
  run(call, { KeyHandle, DesiredAccess, ObjectAttributes, Class, CreateOptions, Disposition }) {
    if (CreateOptions & ~0x1f) return ntstatus.STATUS_INVALID_PARAMETER;
    const isLink = (CreateOptions & REG_OPTION.REG_OPTION_CREATE_LINK) !== 0;
    const creation = new KeyCreation(call.machine.clock.systemTime, {
      volatile: (CreateOptions & REG_OPTION.REG_OPTION_VOLATILE) !== 0,
      isLink,
      className: Class ?? "",
    });
    const registry = registryOf(call.machine);
    registry.requireRoom(KEY_COST);
    KeyHandle.set(0);
    const handle = open(call, ObjectAttributes, DesiredAccess, creation);
    KeyHandle.set(handle);
    if (creation.created) {
      registry.charge(KEY_COST);
      const { node } = call.reference(handle, KeyObject, 0);
      if (node.parent !== undefined) registry.changed(call.machine, node.parent, "name");
    }
    Disposition?.set(creation.created ? DISPOSITION.REG_CREATED_NEW_KEY : DISPOSITION.REG_OPENED_EXISTING_KEY);
    return ntstatus.STATUS_SUCCESS;
  },
});
/** What a key counts towards the registry's quota, names of usual length included. */
const KEY_COST = 256;

export const NtOpenKey = systemService("NtOpenKey", {
  support: full,
  params: { KeyHandle: out(HANDLE), DesiredAccess: value(KeyAccess), ObjectAttributes: pointer(OBJECT_ATTRIBUTES) },
  run(call, { KeyHandle, DesiredAccess, ObjectAttributes }) {
    KeyHandle.set(0);
    KeyHandle.set(open(call, ObjectAttributes, DesiredAccess));
    return ntstatus.STATUS_SUCCESS;
  },
});

export const NtOpenKeyEx = systemService("NtOpenKeyEx", {
  support: full,
  params: {
    KeyHandle: out(HANDLE),
    DesiredAccess: value(KeyAccess),
    ObjectAttributes: pointer(OBJECT_ATTRIBUTES),
    OpenOptions: value(REG_OPTION),
  },
  run(call, { KeyHandle, DesiredAccess, ObjectAttributes, OpenOptions }) {
    if (OpenOptions & ~0x1c) return ntstatus.STATUS_INVALID_PARAMETER;
    KeyHandle.set(0);
    KeyHandle.set(open(call, ObjectAttributes, DesiredAccess));
    return ntstatus.STATUS_SUCCESS;
  },
});

export const NtDeleteKey = systemService("NtDeleteKey", {
  support: full,
  params: { KeyHandle: value(HANDLE) },
  run(call, { KeyHandle }) {
    const { node } = call.reference(KeyHandle, KeyObject, KeyAccess.DELETE);
    if (node.deleted) return ntstatus.STATUS_SUCCESS;
    const { parent } = node;
    // The root and the hives below it stay.
    if (node.subkeys.length > 0 || parent?.parent === undefined) return ntstatus.STATUS_CANNOT_DELETE;
    parent.remove(node, call.machine.clock.systemTime);
    node.deleted = true;
    const data = [...node.values.values()].reduce((sum, one) => sum + costOf(one), KEY_COST);
    const registry = registryOf(call.machine);
    registry.charge(-data);
    registry.changed(call.machine, parent, "name");
    return ntstatus.STATUS_SUCCESS;
  },
});

export const NtRenameKey = systemService("NtRenameKey", {
  support: full,
  params: { KeyHandle: value(HANDLE), NewName: pointer(UnicodeString) },
  run(call, { KeyHandle, NewName }) {
    const node = keyOf(call, KeyHandle, KeyAccess.KEY_WRITE);
    const { parent } = node;
    if (NewName === "" || NewName.includes("\\") || NewName.length > 255) return ntstatus.STATUS_INVALID_PARAMETER;
    if (parent?.parent === undefined) return ntstatus.STATUS_ACCESS_DENIED;
    const existing = parent.subkey(NewName);
    if (existing !== undefined && existing !== node) return ntstatus.STATUS_CANNOT_DELETE;
    const time = call.machine.clock.systemTime;
    parent.remove(node, time);
    node.name = NewName;
    parent.insert(node, time);
    registryOf(call.machine).changed(call.machine, parent, "name");
    return ntstatus.STATUS_SUCCESS;
  },
});

export const NtFlushKey = systemService("NtFlushKey", {
  support: full,
  params: { KeyHandle: value(HANDLE) },
  /** The registry lives in memory: what is set is set. */
  run(call, { KeyHandle }) {
    keyOf(call, KeyHandle, 0);
    return ntstatus.STATUS_SUCCESS;
  },
});

function answer(buffer: OutBuffer, length: OutPointer<number>, information: Information | undefined): NtStatus {
  if (information === undefined) return ntstatus.STATUS_INVALID_PARAMETER;
  return answerTruncated(buffer, length, information.bytes, information.fixedSize);
}

export const NtQueryKey = systemService("NtQueryKey", {
  support: partial("without KeyVirtualizationInformation, KeyTrustInformation and KeyLayerInformation"),
  params: {
    KeyHandle: value(HANDLE),
    KeyInformationClass: value(KEY_INFORMATION_CLASS),
    KeyInformation: outBuffer("Length"),
    Length: value(ULONG_LENGTH),
    ResultLength: out(ULONG_LENGTH),
  },
  run(call, { KeyHandle, KeyInformationClass, KeyInformation, ResultLength }) {
    const nameOnly = KeyInformationClass === KEY_INFORMATION_CLASS.KeyNameInformation;
    const node = keyOf(call, KeyHandle, nameOnly ? 0 : KeyAccess.KEY_QUERY_VALUE);
    return answer(KeyInformation, ResultLength, keyInformation(node, KeyInformationClass));
  },
});

export const NtEnumerateKey = systemService("NtEnumerateKey", {
  support: full,
  params: {
    KeyHandle: value(HANDLE),
    Index: value(ULONG),
    KeyInformationClass: value(KEY_INFORMATION_CLASS),
    KeyInformation: outBuffer("Length"),
    Length: value(ULONG_LENGTH),
    ResultLength: out(ULONG_LENGTH),
  },
  run(call, { KeyHandle, Index, KeyInformationClass, KeyInformation, ResultLength }) {
    const subkey = keyOf(call, KeyHandle, KeyAccess.KEY_ENUMERATE_SUB_KEYS).subkeys.at(Index);
    if (KeyInformationClass > KEY_INFORMATION_CLASS.KeyFullInformation) return ntstatus.STATUS_INVALID_PARAMETER;
    if (subkey === undefined) return ntstatus.STATUS_NO_MORE_ENTRIES;
    return answer(KeyInformation, ResultLength, keyInformation(subkey, KeyInformationClass));
  },
});

export const NtQueryValueKey = systemService("NtQueryValueKey", {
  support: full,
  params: {
    KeyHandle: value(HANDLE),
    ValueName: pointer(UnicodeString),
    KeyValueInformationClass: value(KEY_VALUE_INFORMATION_CLASS),
    KeyValueInformation: outBuffer("Length"),
    Length: value(ULONG_LENGTH),
    ResultLength: out(ULONG_LENGTH),
  },
  run(call, { KeyHandle, ValueName, KeyValueInformationClass, KeyValueInformation, ResultLength }) {
    const found = keyOf(call, KeyHandle, KeyAccess.KEY_QUERY_VALUE).value(ValueName);
    if (found === undefined) return ntstatus.STATUS_OBJECT_NAME_NOT_FOUND;
    return answer(KeyValueInformation, ResultLength, valueInformation(found, KeyValueInformationClass));
  },
});

export const NtEnumerateValueKey = systemService("NtEnumerateValueKey", {
  support: full,
  params: {
    KeyHandle: value(HANDLE),
    Index: value(ULONG),
    KeyValueInformationClass: value(KEY_VALUE_INFORMATION_CLASS),
    KeyValueInformation: outBuffer("Length"),
    Length: value(ULONG_LENGTH),
    ResultLength: out(ULONG_LENGTH),
  },
  run(call, { KeyHandle, Index, KeyValueInformationClass, KeyValueInformation, ResultLength }) {
    const found = keyOf(call, KeyHandle, KeyAccess.KEY_QUERY_VALUE).valueAt(Index);
    if (found === undefined) return ntstatus.STATUS_NO_MORE_ENTRIES;
    return answer(KeyValueInformation, ResultLength, valueInformation(found, KeyValueInformationClass));
  },
});

function costOf({ name, data }: KeyValue): number {
  return 32 + name.length * 2 + data.length;
}

export const NtSetValueKey = systemService("NtSetValueKey", {
  support: full,
  params: {
    KeyHandle: value(HANDLE),
    ValueName: pointer(UnicodeString),
    TitleIndex: value(ULONG),
    Type: value(REG_TYPE),
    Data: inBuffer("DataSize"),
    DataSize: value(ULONG_LENGTH),
  },
  run(call, { KeyHandle, ValueName, Type, Data }) {
    const node = keyOf(call, KeyHandle, KeyAccess.KEY_SET_VALUE);
    if (ValueName.length > MAXIMUM_VALUE_NAME) return ntstatus.STATUS_INVALID_PARAMETER;
    if (node.isLink && (Type !== REG_TYPE.REG_LINK || ValueName.toUpperCase() !== SYMBOLIC_LINK_VALUE.toUpperCase())) {
      return ntstatus.STATUS_ACCESS_DENIED;
    }
    const registry = registryOf(call.machine);
    const existing = node.value(ValueName);
    registry.requireRoom(Data.length);
    const content = { name: ValueName, type: Type, data: Data.bytes() };
    registry.charge(costOf(content) - (existing === undefined ? 0 : costOf(existing)));
    node.setValue(ValueName, content, call.machine.clock.systemTime);
    registry.changed(call.machine, node, "value");
    return ntstatus.STATUS_SUCCESS;
  },
});

export const NtDeleteValueKey = systemService("NtDeleteValueKey", {
  support: full,
  params: { KeyHandle: value(HANDLE), ValueName: pointer(UnicodeString) },
  run(call, { KeyHandle, ValueName }) {
    const node = keyOf(call, KeyHandle, KeyAccess.KEY_SET_VALUE);
    const existing = node.value(ValueName);
    if (existing === undefined) return ntstatus.STATUS_OBJECT_NAME_NOT_FOUND;
    node.deleteValue(ValueName, call.machine.clock.systemTime);
    const registry = registryOf(call.machine);
    registry.charge(-costOf(existing));
    registry.changed(call.machine, node, "value");
    return ntstatus.STATUS_SUCCESS;
  },
});

const KEY_VALUE_ENTRY = struct("KEY_VALUE_ENTRY", 0x18, {
  ValueName: at(0x0, pointerTo("UNICODE_STRING")),
  DataLength: at(0x8, u32),
  DataOffset: at(0xc, u32),
  Type: at(0x10, u32),
});
const MAXIMUM_VALUES = 0x10000;

export const NtQueryMultipleValueKey = systemService("NtQueryMultipleValueKey", {
  support: full,
  params: {
    KeyHandle: value(HANDLE),
    ValueEntries: value(PVOID),
    EntryCount: value(ULONG_LENGTH),
    ValueBuffer: value(PVOID),
    BufferLength: inout(ULONG_LENGTH),
    RequiredBufferLength: optional(out(ULONG_LENGTH)),
  },
  run(call, { KeyHandle, ValueEntries, EntryCount, ValueBuffer, BufferLength, RequiredBufferLength }) {
    const node = keyOf(call, KeyHandle, KeyAccess.KEY_QUERY_VALUE);
    if (EntryCount > MAXIMUM_VALUES) return ntstatus.STATUS_INSUFFICIENT_RESOURCES;
    const { memory } = call;
    let end = 0;
    let used = 0;
    for (let index = 0; index < EntryCount; index++) {
      const entry = ValueEntries + index * KEY_VALUE_ENTRY.size;
      const name = UnicodeString.read(memory, KEY_VALUE_ENTRY.get(memory, entry, "ValueName"));
      const found = node.value(name);
      if (found === undefined) return ntstatus.STATUS_OBJECT_NAME_NOT_FOUND;
      const offset = (end + 3) & ~3;
      end = offset + found.data.length;
      if (end > BufferLength.value) continue;
      used = end;
      memory.write(ValueBuffer + offset, found.data);
      KEY_VALUE_ENTRY.set(memory, entry, { DataLength: found.data.length, DataOffset: offset, Type: found.type });
    }
    BufferLength.set(used);
    RequiredBufferLength?.set(end);
    return end > used ? ntstatus.STATUS_BUFFER_OVERFLOW : ntstatus.STATUS_SUCCESS;
  },
});

const REG_NOTIFY = flags("REG_NOTIFY", {
  REG_NOTIFY_CHANGE_NAME: 1, REG_NOTIFY_CHANGE_ATTRIBUTES: 2, REG_NOTIFY_CHANGE_LAST_SET: 4, REG_NOTIFY_CHANGE_SECURITY: 8,
  REG_NOTIFY_THREAD_AGNOSTIC: 0x1000_0000,
}); // prettier-ignore

const REG_NOTIFY_LEGAL = 0x1000_000f;

export const NtNotifyChangeKey = systemService("NtNotifyChangeKey", {
  support: partial("asynchronous with an event, or synchronous; without APCs; changes of security are not told"),
  params: {
    KeyHandle: value(HANDLE),
    Event: value(HANDLE),
    ApcRoutine: value(PVOID),
    ApcContext: value(OPAQUE),
    IoStatusBlock: out(IO_STATUS_BLOCK),
    CompletionFilter: value(REG_NOTIFY),
    WatchTree: value(BOOLEAN),
    Buffer: value(PVOID),
    BufferSize: value(ULONG_LENGTH),
    Asynchronous: value(BOOLEAN),
  },
  run(call, { KeyHandle, Event: eventHandle, ApcRoutine, IoStatusBlock, CompletionFilter, WatchTree, Asynchronous }) {
    if (call.restarted !== undefined) return ntstatus.STATUS_NOTIFY_ENUM_DIR;
    const key = call.reference(KeyHandle, KeyObject, KeyAccess.KEY_NOTIFY);
    if (key.node.deleted) return ntstatus.STATUS_KEY_DELETED;
    if (CompletionFilter & ~REG_NOTIFY_LEGAL) return ntstatus.STATUS_INVALID_PARAMETER;
    if (ApcRoutine !== 0) return call.notImplemented("NtNotifyChangeKey with an APC");
    const event =
      eventHandle === 0 ? new Event(true) : call.reference(eventHandle, Event, EventAccess.EVENT_MODIFY_STATE);
    event.reset();
    key.notification ??= {
      name: (CompletionFilter & REG_NOTIFY.REG_NOTIFY_CHANGE_NAME) !== 0,
      value: (CompletionFilter & REG_NOTIFY.REG_NOTIFY_CHANGE_LAST_SET) !== 0,
      tree: WatchTree,
    };
    registryOf(call.machine).watch(new KeyWatch(key, event, call.process, IoStatusBlock.address));
    return Asynchronous ? ntstatus.STATUS_PENDING : new Wait({ objects: [event], restart: true });
  },
});

export const NtNotifyChangeMultipleKeys = systemService("NtNotifyChangeMultipleKeys", {
  support: missing,
  params: {
    MasterKeyHandle: value(HANDLE),
    Count: value(ULONG_LENGTH),
    SubordinateObjects: value(PVOID),
    Event: value(HANDLE),
    ApcRoutine: value(PVOID),
    ApcContext: value(OPAQUE),
    IoStatusBlock: value(PVOID),
    CompletionFilter: value(ULONG),
    WatchTree: value(BOOLEAN),
    Buffer: value(PVOID),
    BufferSize: value(ULONG_LENGTH),
    Asynchronous: value(BOOLEAN),
  },
});

export const NtLoadKey = systemService("NtLoadKey", {
  support: missing,
  params: { TargetKey: pointer(OBJECT_ATTRIBUTES), SourceFile: pointer(OBJECT_ATTRIBUTES) },
});
export const NtUnloadKey = systemService("NtUnloadKey", {
  support: missing,
  params: { TargetKey: pointer(OBJECT_ATTRIBUTES) },
});
export const NtSaveKey = systemService("NtSaveKey", {
  support: missing,
  params: { KeyHandle: value(HANDLE), FileHandle: value(HANDLE) },
});
export const NtRestoreKey = systemService("NtRestoreKey", {
  support: missing,
  params: { KeyHandle: value(HANDLE), FileHandle: value(HANDLE), Flags: value(ULONG) },
});
export const NtReplaceKey = systemService("NtReplaceKey", {
  support: missing,
  params: { NewFile: pointer(OBJECT_ATTRIBUTES), TargetHandle: value(HANDLE), OldFile: pointer(OBJECT_ATTRIBUTES) },
});
export const NtSetInformationKey = systemService("NtSetInformationKey", {
  support: missing,
  params: {
    KeyHandle: value(HANDLE),
    KeySetInformationClass: value(ULONG),
    KeySetInformation: inBuffer("KeySetInformationLength"),
    KeySetInformationLength: value(ULONG_LENGTH),
  },
});

export const NtQueryLicenseValue = systemService("NtQueryLicenseValue", {
  support: full,
  params: {
    ValueName: optional(pointer(UnicodeString)),
    Type: optional(out(REG_TYPE)),
    Data: outBuffer("DataSize"),
    DataSize: value(ULONG_LENGTH),
    ResultDataSize: optional(out(ULONG_LENGTH)),
  },
  run(call, { ValueName, Type, Data, ResultDataSize }) {
    if (!ValueName || ResultDataSize === undefined) return ntstatus.STATUS_INVALID_PARAMETER;
    const found = registryOf(call.machine).licenses.value(ValueName);
    if (found === undefined) return ntstatus.STATUS_OBJECT_NAME_NOT_FOUND;
    Type?.set(found.type);
    return answerWhole(Data, ResultDataSize, found.data, ntstatus.STATUS_BUFFER_TOO_SMALL);
  },
});
