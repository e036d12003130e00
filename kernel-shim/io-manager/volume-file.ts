import { FileAccess } from "../abi/access.ts";
import { CreateOptions, FILE_ATTRIBUTE } from "../abi/file.ts";
import { ntstatus, type NtStatus } from "../abi/ntstatus.ts";
import { stateClass } from "../executive/state.ts";
import { StatusError } from "../executive/unsupported.ts";
import { type LockOwner, lockIsFree, locksPermit, unlock } from "./byte-range-locks.ts";
import type { ByteRangeLock } from "./byte-range-locks.ts";
import { type DirectoryCursor, queryDirectory } from "./directory-query.ts";
import { DirectoryWatch } from "./directory-watch.ts";
import type { SectionFile } from "../memory-manager/section.ts";
import { type DirectoryQuery, FileObject, type FindTarget, type LockRequest, type ReadRequest } from "./file-object.ts";
import { DataNode, DirectoryNode, type FileNode, type Link } from "./file-node.ts";
import type { Irp } from "./irp.ts";
import { deliverNotifications } from "./notify.ts";
import { fsControl } from "./volume-fs-control.ts";
import { queryInformation } from "./volume-file-query.ts";
import { setInformation } from "./volume-file-set.ts";
import { setVolumeInformation } from "./volume-information.ts";
import type { VolumeDevice } from "./volume-device.ts";
import type { Volume } from "./volume.ts";

const SECTOR = 512;
/** Special values of ByteOffset. */
const FILE_WRITE_TO_END_OF_FILE = -1n;
const FILE_USE_FILE_POINTER_POSITION = -2n;
const MAXIMUM_FILE_SIZE = 2 ** 44;

/** A lock request that waits for others to unlock. */
interface WaitingLock {
  readonly irp: Irp;
  readonly lock: ByteRangeLock;
}

/** A file or directory that is open on a volume. */
export class VolumeFile extends FileObject implements SectionFile {
  declare readonly device: VolumeDevice;
  readonly link: Link;
  /** Deletes its name when it is closed. */
  deleteOnClose: boolean;
  /** FILE_DISPOSITION_POSIX_SEMANTICS: the name goes with this handle, not with the last one. */
  posixDelete = false;
  /** Where an enumeration of this directory stands. */
  cursor: DirectoryCursor | undefined = undefined;
  watch: DirectoryWatch | undefined = undefined;
  waitingLocks: WaitingLock[] = [];
  /** Times that the caller set explicitly, or wants left alone (-1 of FileBasicInformation), are no longer updated by writes through this handle. */
  keepLastWriteTime = false;
  keepChangeTime = false;
  isOpen = false;

  constructor(device: VolumeDevice, link: Link, options: number, openAccess: number, shareAccess: number) {
    super(device, options, openAccess, shareAccess);
    this.link = link;
    this.deleteOnClose = (options & CreateOptions.FILE_DELETE_ON_CLOSE) !== 0;
  }

  get volume(): Volume {
    return this.device.volume;
  }
  get node(): FileNode {
    return this.link.node;
  }
  get now(): bigint {
    return this.device.now;
  }
  override get fileName(): string {
    return this.link.path;
  }

  /** Counts the open; the handle that follows will close it. */
  opened(): void {
    this.isOpen = true;
    this.link.opens++;
    this.node.shareAccess.add(this.openAccess, this.shareAccess);
  }

  protected override cleanup(): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    const { link, node, volume } = this;
    node.shareAccess.remove(this.openAccess, this.shareAccess);
    link.opens--;
    this.releaseLocks(() => true);
    if (this.watch) volume.watches.splice(volume.watches.indexOf(this.watch), 1);
    this.watch = undefined;
    if (this.deleteOnClose && this.isDeletable() === ntstatus.STATUS_SUCCESS) link.deletePending = true;
    if (link.deletePending && (link.opens === 0 || this.posixDelete)) volume.remove(link, this.now);
    else volume.releaseIfUnused(node);
    deliverNotifications(this.io);
  }

  override handleClosed(processId: number): void {
    this.releaseLocks((lock) => lock.processId === processId);
  }

  /** Whether the name may be deleted. */
  isDeletable(ignoreReadOnly = false): NtStatus {
    const { node, link, volume } = this;
    if (!link.parent || node.imageSections > 0) return ntstatus.STATUS_CANNOT_DELETE;
    if (node.attributes & FILE_ATTRIBUTE.READONLY && !ignoreReadOnly) return ntstatus.STATUS_CANNOT_DELETE;
    if (node instanceof DirectoryNode && volume.childrenOf(node).size > 0) return ntstatus.STATUS_DIRECTORY_NOT_EMPTY;
    return ntstatus.STATUS_SUCCESS;
  }

  override read(irp: Irp, { offset, key }: ReadRequest): void {
    const { node } = this;
    if (!(node instanceof DataNode)) return irp.complete(ntstatus.STATUS_INVALID_DEVICE_REQUEST);
    const start = this.resolveOffset(offset);
    if (start === undefined) return irp.complete(ntstatus.STATUS_INVALID_PARAMETER);
    if (!this.isAligned(start, irp.length)) return irp.complete(ntstatus.STATUS_INVALID_PARAMETER);
    if (!locksPermit(node.locks, this.ownerOf(irp, key), start, irp.length, false))
      return irp.complete(ntstatus.STATUS_FILE_LOCK_CONFLICT);
    // What runs asynchronously is told by the request's completion alone, however fast it was.
    irp.pended = !this.isSynchronous;
    if (irp.length > 0 && start >= node.content.size) return irp.complete(ntstatus.STATUS_END_OF_FILE);
    const data = this.volume.readContent(node, start, irp.length);
    if (this.isSynchronous) this.position = start + data.length;
    irp.complete(ntstatus.STATUS_SUCCESS, data.length, data);
  }

  override write(irp: Irp, { offset, key }: ReadRequest, data: Uint8Array): void {
    const { node } = this;
    if (!(node instanceof DataNode)) return irp.complete(ntstatus.STATUS_INVALID_DEVICE_REQUEST);
    const appends =
      offset === FILE_WRITE_TO_END_OF_FILE ||
      (irp.grantedAccess & (FileAccess.FILE_WRITE_DATA | FileAccess.FILE_APPEND_DATA)) === FileAccess.FILE_APPEND_DATA;
    const start = appends ? node.content.size : this.resolveOffset(offset);
    if (start === undefined) return irp.complete(ntstatus.STATUS_INVALID_PARAMETER);
    if (!this.isAligned(start, data.length)) return irp.complete(ntstatus.STATUS_INVALID_PARAMETER);
    if (start + data.length > MAXIMUM_FILE_SIZE) return irp.complete(ntstatus.STATUS_DISK_FULL);
    if (!locksPermit(node.locks, this.ownerOf(irp, key), start, data.length, true))
      return irp.complete(ntstatus.STATUS_FILE_LOCK_CONFLICT);
    const status = this.volume.write(node, start, data);
    if (status !== ntstatus.STATUS_SUCCESS) return irp.complete(status);
    irp.pended = !this.isSynchronous && data.length > 0;
    if (data.length > 0) this.noteWrite();
    if (this.isSynchronous) this.position = start + data.length;
    irp.complete(ntstatus.STATUS_SUCCESS, data.length);
    deliverNotifications(this.io);
  }

  /** What writing does to a file besides its bytes. */
  noteWrite(): void {
    const { node, now } = this;
    if (!this.keepLastWriteTime) node.lastWriteTime = now;
    if (!this.keepChangeTime) node.changeTime = now;
    node.attributes |= FILE_ATTRIBUTE.ARCHIVE;
    if (node.attributes !== FILE_ATTRIBUTE.NORMAL) node.attributes &= ~FILE_ATTRIBUTE.NORMAL;
  }

  override lock(irp: Irp, { offset, length, key, exclusive, failImmediately }: LockRequest): void {
    const { node } = this;
    if (node.isDirectory) return irp.complete(ntstatus.STATUS_INVALID_PARAMETER);
    if (offset < 0n || BigInt.asUintN(64, offset) + BigInt.asUintN(64, length) > 1n << 64n)
      return irp.complete(ntstatus.STATUS_INVALID_LOCK_RANGE);
    const owner = this.ownerOf(irp, key);
    const lock: ByteRangeLock = { offset, length: BigInt.asUintN(64, length), exclusive, ...owner };
    if (lockIsFree(node.locks, lock)) {
      node.locks.push(lock);
      irp.complete(ntstatus.STATUS_SUCCESS);
    } else if (failImmediately) irp.complete(ntstatus.STATUS_LOCK_NOT_GRANTED);
    else {
      this.waitingLocks.push({ irp, lock });
      node.lockWaiters.push(this);
      this.pend(irp);
    }
  }

  override unlock(
    irp: Irp,
    { offset, length, key }: { readonly offset: bigint; readonly length: bigint; readonly key: number },
  ): void {
    if (!unlock(this.node.locks, this.ownerOf(irp, key), offset, BigInt.asUintN(64, length)))
      return irp.complete(ntstatus.STATUS_RANGE_NOT_LOCKED);
    irp.complete(ntstatus.STATUS_SUCCESS);
    grantWaitingLocks(this.node);
  }

  private releaseLocks(which: (lock: ByteRangeLock) => boolean): void {
    const { node } = this;
    if (node.locks.length === 0) return;
    node.locks = node.locks.filter((lock) => lock.fileId !== this.id || !which(lock));
    grantWaitingLocks(node);
  }

  override queryDirectory(irp: Irp, query: DirectoryQuery): void {
    queryDirectory(this, irp, query);
  }

  override notifyChange(irp: Irp, filter: number, subtree: boolean): void {
    const { node, volume } = this;
    if (!(node instanceof DirectoryNode)) return irp.complete(ntstatus.STATUS_INVALID_PARAMETER);
    // The first request decides what is watched for as long as the handle lives.
    if (!this.watch) volume.watches.push((this.watch = new DirectoryWatch(node, filter, subtree, irp.length > 0)));
    this.watch.file = this;
    this.pend(irp);
    deliverNotifications(this.io);
  }

  override fsControl(irp: Irp, code: number, input: Uint8Array): void {
    fsControl(this, irp, code, input);
  }
  override queryInformation(informationClass: number, grantedAccess: number): Uint8Array | NtStatus {
    return (
      queryInformation(this, informationClass, grantedAccess) ?? super.queryInformation(informationClass, grantedAccess)
    );
  }
  override setInformation(informationClass: number, input: Uint8Array, findTarget: FindTarget): NtStatus {
    const status = setInformation(this, informationClass, input, findTarget);
    deliverNotifications(this.io);
    return status;
  }
  override setVolumeInformation(informationClass: number, input: Uint8Array): NtStatus {
    return setVolumeInformation(this.volume, informationClass, input);
  }

  override cancel(irp: Irp): void {
    this.waitingLocks = this.waitingLocks.filter((waiting) => waiting.irp !== irp);
    super.cancel(irp);
  }

  sectionSize(): number {
    return this.node instanceof DataNode ? this.node.content.size : 0;
  }
  sectionRead(offset: number, length: number): Uint8Array {
    return this.node instanceof DataNode ? this.volume.readContent(this.node, offset, length) : new Uint8Array(0);
  }
  sectionWrite(offset: number, bytes: Uint8Array): void {
    // What lies beyond the end of the file is the rest of the last page; it is not written.
    const inside = bytes.subarray(0, Math.max(0, this.sectionSize() - offset));
    if (!(this.node instanceof DataNode) || inside.length === 0) return;
    if (this.volume.write(this.node, offset, inside) === ntstatus.STATUS_SUCCESS) this.noteWrite();
  }
  sectionOpened(image: boolean): void {
    if (image) this.node.imageSections++;
    else this.node.dataSections++;
  }
  sectionClosed(image: boolean): void {
    if (image) this.node.imageSections--;
    else this.node.dataSections--;
    this.volume.releaseIfUnused(this.node);
  }
  /** For a section that is larger than the file. Leaves the service when the volume is full. */
  sectionExtend(size: number): void {
    if (!(this.node instanceof DataNode) || size <= this.sectionSize()) return;
    const status = this.volume.setSize(this.node, size);
    if (status !== ntstatus.STATUS_SUCCESS) throw new StatusError(status);
    this.noteWrite();
  }
  override sectionFile(): SectionFile | undefined {
    return this.node instanceof DataNode ? this : undefined;
  }

  private ownerOf(irp: Irp, key: number): LockOwner {
    return { fileId: this.id, processId: irp.thread.process.id, key };
  }

  private resolveOffset(offset: bigint | undefined): number | undefined {
    if (offset === undefined || offset === FILE_USE_FILE_POINTER_POSITION)
      return this.isSynchronous ? this.position : undefined;
    return offset < 0n ? undefined : Number(offset);
  }

  private isAligned(offset: number, length: number): boolean {
    return (
      !(this.options & CreateOptions.FILE_NO_INTERMEDIATE_BUFFERING) || (offset % SECTOR === 0 && length % SECTOR === 0)
    );
  }
}

stateClass("VolumeFile", VolumeFile);

/** Gives locks to those who wait for them, the first who came first. */
function grantWaitingLocks(node: FileNode): void {
  for (const file of [...node.lockWaiters]) {
    for (const waiting of [...file.waitingLocks]) {
      if (!lockIsFree(node.locks, waiting.lock)) continue;
      node.locks.push(waiting.lock);
      file.waitingLocks.splice(file.waitingLocks.indexOf(waiting), 1);
      waiting.irp.complete(ntstatus.STATUS_SUCCESS);
    }
  }
  node.lockWaiters = node.lockWaiters.filter((file) => file.waitingLocks.length > 0);
}
