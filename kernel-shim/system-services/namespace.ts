import { DirectoryAccess, SymbolicLinkAccess } from "../abi/access.ts";
import { ntstatus } from "../abi/ntstatus.ts";
import { OBJECT_ATTRIBUTES, UNICODE_STRING, readUnicodeString } from "../abi/structures.ts";
import { BOOLEAN, HANDLE, PVOID, ULONG, ULONG_LENGTH } from "../abi/type.ts";
import { ObjectDirectory, SymbolicLink } from "../object-manager/directory.ts";
import { full, inout, optional, out, outBuffer, partial, pointer, systemService, value } from "./service.ts";

const createDirectory = {
  DirectoryHandle: out(HANDLE),
  DesiredAccess: value(DirectoryAccess),
  ObjectAttributes: optional(pointer(OBJECT_ATTRIBUTES)),
};

export const NtCreateDirectoryObject = systemService("NtCreateDirectoryObject", {
  support: full,
  params: createDirectory,
  run(call, { DirectoryHandle, DesiredAccess, ObjectAttributes }) {
    const { status, handle } = call.createObject(
      ObjectAttributes,
      DesiredAccess,
      ObjectDirectory,
      () => new ObjectDirectory(),
    );
    DirectoryHandle.set(handle);
    return status;
  },
});

export const NtCreateDirectoryObjectEx = systemService("NtCreateDirectoryObjectEx", {
  support: partial("shadow directories are not looked through"),
  params: { ...createDirectory, ShadowDirectoryHandle: value(HANDLE), Flags: value(ULONG) },
  run(call, { DirectoryHandle, DesiredAccess, ObjectAttributes, ShadowDirectoryHandle }) {
    if (ShadowDirectoryHandle !== 0) call.unsupported("shadow object directories");
    const { status, handle } = call.createObject(
      ObjectAttributes,
      DesiredAccess,
      ObjectDirectory,
      () => new ObjectDirectory(),
    );
    DirectoryHandle.set(handle);
    return status;
  },
});

export const NtOpenDirectoryObject = systemService("NtOpenDirectoryObject", {
  support: full,
  params: {
    DirectoryHandle: out(HANDLE),
    DesiredAccess: value(DirectoryAccess),
    ObjectAttributes: pointer(OBJECT_ATTRIBUTES),
  },
  run(call, { DirectoryHandle, DesiredAccess, ObjectAttributes }) {
    DirectoryHandle.set(call.openObject(ObjectAttributes, DesiredAccess, ObjectDirectory));
    return ntstatus.STATUS_SUCCESS;
  },
});

/** OBJECT_DIRECTORY_INFORMATION is two UNICODE_STRINGs; an empty one ends the list. */
const ENTRY_SIZE = 2 * UNICODE_STRING.size;

export const NtQueryDirectoryObject = systemService("NtQueryDirectoryObject", {
  support: full,
  params: {
    DirectoryHandle: value(HANDLE),
    Buffer: outBuffer("Length"),
    Length: value(ULONG_LENGTH),
    ReturnSingleEntry: value(BOOLEAN),
    RestartScan: value(BOOLEAN),
    Context: inout(ULONG),
    ReturnLength: optional(out(ULONG_LENGTH)),
  },
  run(call, { DirectoryHandle, Buffer, ReturnSingleEntry, RestartScan, Context, ReturnLength }) {
    const directory = call.reference(DirectoryHandle, ObjectDirectory, DirectoryAccess.DIRECTORY_QUERY);
    const all = [...directory.entries.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
    const first = RestartScan ? 0 : Context.value;
    const chosen: { readonly name: string; readonly type: string }[] = [];
    let size = ENTRY_SIZE;
    for (const { name, type } of all.slice(first)) {
      const more = ENTRY_SIZE + name.length * 2 + 2 + type.name.length * 2 + 2;
      if (size + more > Buffer.length) {
        if (chosen.length > 0) break;
        ReturnLength?.set(size + more);
        return ntstatus.STATUS_BUFFER_TOO_SMALL;
      }
      size += more;
      chosen.push({ name, type: type.name });
      if (ReturnSingleEntry) break;
    }
    if (chosen.length === 0) return ntstatus.STATUS_NO_MORE_ENTRIES;
    const { memory, address } = Buffer;
    let text = address + (chosen.length + 1) * ENTRY_SIZE;
    const put = (at: number, string: string): void => {
      UNICODE_STRING.write(memory, at, {
        Length: string.length * 2,
        MaximumLength: string.length * 2 + 2,
        Buffer: text,
      });
      for (let i = 0; i <= string.length; i++)
        memory.writeUint16(text + i * 2, i < string.length ? string.charCodeAt(i) : 0);
      text += string.length * 2 + 2;
    };
    Buffer.write(new Uint8Array((chosen.length + 1) * ENTRY_SIZE));
    chosen.forEach(({ name, type }, index) => {
      put(address + index * ENTRY_SIZE, name);
      put(address + index * ENTRY_SIZE + UNICODE_STRING.size, type);
    });
    const next = first + chosen.length;
    Context.set(next);
    ReturnLength?.set(size);
    return next < all.length && !ReturnSingleEntry ? ntstatus.STATUS_MORE_ENTRIES : ntstatus.STATUS_SUCCESS;
  },
});

const linkTarget = (call: { readonly memory: Parameters<typeof readUnicodeString>[0] }, address: number): string =>
  readUnicodeString(call.memory, address);

export const NtCreateSymbolicLinkObject = systemService("NtCreateSymbolicLinkObject", {
  support: full,
  params: {
    LinkHandle: out(HANDLE),
    DesiredAccess: value(SymbolicLinkAccess),
    ObjectAttributes: pointer(OBJECT_ATTRIBUTES),
    LinkTarget: value(PVOID),
  },
  run(call, { LinkHandle, DesiredAccess, ObjectAttributes, LinkTarget }) {
    const target = linkTarget(call, LinkTarget);
    if (target === "") return ntstatus.STATUS_INVALID_PARAMETER;
    const { status, handle } = call.createObject(
      ObjectAttributes,
      DesiredAccess,
      SymbolicLink,
      () => new SymbolicLink(target),
    );
    LinkHandle.set(handle);
    return status;
  },
});

/** Opens the link and not what it leads to. */
export const NtOpenSymbolicLinkObject = systemService("NtOpenSymbolicLinkObject", {
  support: full,
  params: {
    LinkHandle: out(HANDLE),
    DesiredAccess: value(SymbolicLinkAccess),
    ObjectAttributes: pointer(OBJECT_ATTRIBUTES),
  },
  run(call, { LinkHandle, DesiredAccess, ObjectAttributes }) {
    const OBJ_OPENLINK = 0x100;
    const attributes = { ...ObjectAttributes, Attributes: ObjectAttributes.Attributes | OBJ_OPENLINK };
    LinkHandle.set(call.openObject(attributes, DesiredAccess, SymbolicLink));
    return ntstatus.STATUS_SUCCESS;
  },
});

export const NtQuerySymbolicLinkObject = systemService("NtQuerySymbolicLinkObject", {
  support: full,
  params: { LinkHandle: value(HANDLE), LinkTarget: inout(UNICODE_STRING), ReturnedLength: optional(out(ULONG_LENGTH)) },
  run(call, { LinkHandle, LinkTarget, ReturnedLength }) {
    const { target } = call.reference(LinkHandle, SymbolicLink, SymbolicLinkAccess.SYMBOLIC_LINK_QUERY);
    const bytes = target.length * 2;
    ReturnedLength?.set(bytes + 2);
    const { MaximumLength, Buffer } = LinkTarget.value;
    if (MaximumLength < bytes) return ntstatus.STATUS_BUFFER_TOO_SMALL;
    for (let i = 0; i < target.length; i++) call.memory.writeUint16(Buffer + i * 2, target.charCodeAt(i));
    LinkTarget.set({ Length: bytes, MaximumLength, Buffer });
    return ntstatus.STATUS_SUCCESS;
  },
});
