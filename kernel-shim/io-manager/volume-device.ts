import { FileAccess, StandardAccess } from "../abi/access.ts";
import { CreateDisposition, CreateOptions, CreateResult, FILE_ATTRIBUTE, FILE_DEVICE } from "../abi/file.ts";
import { ntstatus, type NtStatus } from "../abi/ntstatus.ts";
import { stateClass } from "../executive/state.ts";
import type { ParseResult } from "../object-manager/kernel-object.ts";
import { type CreateRequest, grantRequested } from "./create-request.ts";
import { DeviceObject } from "./device-object.ts";
import type { FileObject } from "./file-object.ts";
import { DataNode, type DirectoryNode, type Link } from "./file-node.ts";
import type { IoManager } from "./io-manager.ts";
import { isLegalComponent, MAXIMUM_COMPONENT_LENGTH } from "./name.ts";
import { VolumeFile } from "./volume-file.ts";
import { VolumeHandle } from "./volume-handle.ts";
import { queryVolumeInformation } from "./volume-information.ts";
import type { Volume } from "./volume.ts";

/** Attributes that a creator may choose. */
const SETTABLE_ATTRIBUTES = 0x31a7;
const WRITES_DATA = FileAccess.FILE_WRITE_DATA | FileAccess.FILE_APPEND_DATA;

/** `\Device\HarddiskVolumeN`: the device on which a volume's files are opened. */
export class VolumeDevice extends DeviceObject {
  readonly volume: Volume;
  /** `C:`. */
  readonly driveLetter: string;

  constructor(io: IoManager, volume: Volume, driveLetter: string) {
    super(io, FILE_DEVICE.DISK, FILE_DEVICE_IS_MOUNTED);
    this.volume = volume;
    this.driveLetter = driveLetter;
  }

  override get displayName(): string {
    return this.driveLetter;
  }
  override queryVolumeInformation(informationClass: number): Uint8Array | NtStatus {
    return queryVolumeInformation(this, informationClass);
  }
  get now(): bigint {
    return this.io.machine.clock.systemTime;
  }

  override create(name: string, relatedFile: FileObject | undefined, request: CreateRequest): ParseResult {
    if (name === "" && !relatedFile) return this.openVolume(request);
    const found =
      request.options & CreateOptions.FILE_OPEN_BY_FILE_ID ? this.findById(name) : this.find(name, relatedFile);
    if (typeof found === "number") return { status: found };
    if (request.forTarget) {
      request.target = { device: this, ...found };
      return { status: ntstatus.STATUS_SUCCESS };
    }
    const result = found.link ? this.openExisting(found.link, found, request) : this.createNew(found, request);
    return typeof result === "number" ? { status: result } : { object: result };
  }

  /** The place that `name` leads to. Names are checked as a whole before anything is looked up. */
  private find(name: string, relatedFile: FileObject | undefined): Place | NtStatus {
    let start: Link = this.volume.rootLink;
    let path = name;
    if (relatedFile) {
      if (!(relatedFile instanceof VolumeFile)) return ntstatus.STATUS_OBJECT_PATH_SYNTAX_BAD;
      if (relatedFile.link.removed || relatedFile.link.deletePending) return ntstatus.STATUS_DELETE_PENDING;
      start = relatedFile.link;
      if (path.startsWith("\\")) return ntstatus.STATUS_INVALID_PARAMETER;
      if (path !== "" && !relatedFile.node.isDirectory) return ntstatus.STATUS_OBJECT_PATH_NOT_FOUND;
    } else path = path.slice(1);
    const trailingSeparator = path.endsWith("\\");
    if (trailingSeparator) path = path.slice(0, -1);
    // The default stream may be named; no other exists here.
    path = path.replace(/::\$DATA$/i, "");
    const components = path === "" ? [] : path.split("\\");
    for (const component of components) {
      if (component.length > MAXIMUM_COMPONENT_LENGTH || !isLegalComponent(component))
        return ntstatus.STATUS_OBJECT_NAME_INVALID;
      if (component === "." || component === "..") return ntstatus.STATUS_OBJECT_NAME_INVALID;
    }
    const found = this.volume.lookup(start, components);
    if (typeof found === "number") return found;
    return { ...found, name: components.at(-1) ?? "", trailingSeparator: trailingSeparator && components.length > 0 };
  }

  /** FILE_OPEN_BY_FILE_ID: the name is the 8 bytes of an IndexNumber. Only nodes that somebody has seen have one. */
  private findById(name: string): Place | NtStatus {
    if (name.length !== 4) return ntstatus.STATUS_INVALID_PARAMETER;
    let id = 0n;
    for (let i = 3; i >= 0; i--) id = (id << 16n) | BigInt(name.charCodeAt(i));
    const link = this.volume.findById(id);
    return link
      ? { parent: link.parent, link, name: link.name, trailingSeparator: false }
      : ntstatus.STATUS_INVALID_PARAMETER;
  }

  private openVolume(request: CreateRequest): ParseResult {
    if (request.options & CreateOptions.FILE_DIRECTORY_FILE) return { status: ntstatus.STATUS_NOT_A_DIRECTORY };
    if (!opens(request.disposition)) return { status: ntstatus.STATUS_ACCESS_DENIED };
    request.information = CreateResult.OPENED;
    request.grantedAccess = grantRequested(request, FileAccess.FILE_ALL_ACCESS);
    return { object: new VolumeHandle(this, request.options, request.grantedAccess, request.shareAccess) };
  }

  private openExisting(link: Link, place: Place, request: CreateRequest): VolumeFile | NtStatus {
    const { node } = link;
    const { disposition, options } = request;
    if (link.deletePending) return ntstatus.STATUS_DELETE_PENDING;
    if (disposition === CreateDisposition.FILE_CREATE) return ntstatus.STATUS_OBJECT_NAME_COLLISION;
    if (node.isDirectory && options & CreateOptions.FILE_NON_DIRECTORY_FILE) return ntstatus.STATUS_FILE_IS_A_DIRECTORY;
    if (!node.isDirectory && options & CreateOptions.FILE_DIRECTORY_FILE) return ntstatus.STATUS_NOT_A_DIRECTORY;
    if (!node.isDirectory && place.trailingSeparator) return ntstatus.STATUS_OBJECT_NAME_INVALID;
    const overwrites = overwritesExisting(disposition);
    if (overwrites && node.isDirectory) return ntstatus.STATUS_OBJECT_NAME_COLLISION;

    const readOnly = !node.isDirectory && (node.attributes & FILE_ATTRIBUTE.READONLY) !== 0;
    const possible = readOnly ? FileAccess.FILE_ALL_ACCESS & ~WRITES_DATA : FileAccess.FILE_ALL_ACCESS;
    const access = grantRequested(request, possible);
    if (readOnly && (overwrites || access & WRITES_DATA)) return ntstatus.STATUS_ACCESS_DENIED;
    if (options & CreateOptions.FILE_DELETE_ON_CLOSE) {
      if (node.attributes & FILE_ATTRIBUTE.READONLY || node.imageSections > 0 || !link.parent)
        return ntstatus.STATUS_CANNOT_DELETE;
    }
    if (node.imageSections > 0 && (overwrites || access & WRITES_DATA)) return ntstatus.STATUS_SHARING_VIOLATION;
    // Overwriting is an access of its own, whatever the caller asked for.
    const implied =
      disposition === CreateDisposition.FILE_SUPERSEDE
        ? StandardAccess.DELETE
        : overwrites
          ? FileAccess.FILE_WRITE_DATA
          : 0;
    if (!request.queryOnly && !node.shareAccess.permits(access | implied, request.shareAccess))
      return ntstatus.STATUS_SHARING_VIOLATION;

    if (overwrites && node instanceof DataNode) {
      const kept = node.attributes & (FILE_ATTRIBUTE.HIDDEN | FILE_ATTRIBUTE.SYSTEM);
      if (kept & ~request.fileAttributes) return ntstatus.STATUS_ACCESS_DENIED;
      if (node.dataSections > 0) return ntstatus.STATUS_USER_MAPPED_FILE;
      const superseded = disposition === CreateDisposition.FILE_SUPERSEDE;
      this.volume.overwrite(node, (request.fileAttributes & SETTABLE_ATTRIBUTES) | FILE_ATTRIBUTE.ARCHIVE, this.now);
      request.information = superseded ? CreateResult.SUPERSEDED : CreateResult.OVERWRITTEN;
    } else request.information = CreateResult.OPENED;
    return this.makeFile(link, access, request);
  }

  private createNew({ parent, name, trailingSeparator }: Place, request: CreateRequest): VolumeFile | NtStatus {
    const { disposition, options } = request;
    if (disposition === CreateDisposition.FILE_OPEN || disposition === CreateDisposition.FILE_OVERWRITE) {
      return ntstatus.STATUS_OBJECT_NAME_NOT_FOUND;
    }
    if (!parent) return ntstatus.STATUS_OBJECT_NAME_INVALID;
    const isDirectory = (options & CreateOptions.FILE_DIRECTORY_FILE) !== 0;
    if (trailingSeparator && !isDirectory) return ntstatus.STATUS_OBJECT_NAME_INVALID;
    if (parent.links[0]?.deletePending || (parent.links.length === 0 && parent !== this.volume.root))
      return ntstatus.STATUS_DELETE_PENDING;
    const chosen = request.fileAttributes & SETTABLE_ATTRIBUTES & ~FILE_ATTRIBUTE.NORMAL;
    if (options & CreateOptions.FILE_DELETE_ON_CLOSE && chosen & FILE_ATTRIBUTE.READONLY)
      return ntstatus.STATUS_CANNOT_DELETE;
    if (request.allocationSize > BigInt(this.volume.freeBytes)) return this.volume.refuse("bytes");
    const kind = isDirectory ? FILE_ATTRIBUTE.DIRECTORY : FILE_ATTRIBUTE.ARCHIVE;
    const link = this.volume.create(parent, name, chosen | kind, this.now);
    if (typeof link === "number") return link;
    request.information = CreateResult.CREATED;
    return this.makeFile(link, grantRequested(request, FileAccess.FILE_ALL_ACCESS), request);
  }

  private makeFile(link: Link, access: number, request: CreateRequest): VolumeFile {
    request.grantedAccess = access;
    const file = new VolumeFile(this, link, request.options, access, request.shareAccess);
    if (!request.queryOnly) file.opened();
    return file;
  }
}

stateClass("VolumeDevice", VolumeDevice);

/** Of FileFsDeviceInformation. */
const FILE_DEVICE_IS_MOUNTED = 0x20;

/** Where a name leads: an existing link, or a directory that lacks it. */
interface Place {
  readonly parent: DirectoryNode | null;
  readonly link: Link | undefined;
  readonly name: string;
  readonly trailingSeparator: boolean;
}

function opens(disposition: number): boolean {
  return disposition === CreateDisposition.FILE_OPEN || disposition === CreateDisposition.FILE_OPEN_IF;
}

function overwritesExisting(disposition: number): boolean {
  return (
    disposition === CreateDisposition.FILE_SUPERSEDE ||
    disposition === CreateDisposition.FILE_OVERWRITE ||
    disposition === CreateDisposition.FILE_OVERWRITE_IF
  );
}
