import { FileAccess, StandardAccess } from "../abi/access.ts";
import type { DirectoryNode, Link } from "./file-node.ts";
import type { VolumeDevice } from "./volume-device.ts";

/** The directory and name that a link is to have, and what stands there now. */
export interface LinkTarget {
  readonly device: VolumeDevice;
  readonly parent: DirectoryNode | null;
  readonly name: string;
  readonly link: Link | undefined;
}

/** The parameters of NtCreateFile on their way through the namespace to the device that opens the file. */
export class CreateRequest {
  /** Generic rights mapped; MAXIMUM_ALLOWED may be in it. */
  readonly desiredAccess: number;
  readonly allocationSize: bigint;
  readonly fileAttributes: number;
  readonly shareAccess: number;
  readonly disposition: number;
  readonly options: number;
  /** Parameters of NtCreateNamedPipeFile. */
  readonly pipe: PipeParameters | undefined;
  /** Who opens. */
  readonly processId: number;
  /** IO_STATUS_BLOCK.Information of the open. */
  information = 0;
  /** Rights that the handle gets. */
  grantedAccess = 0;
  /** For NtQueryAttributesFile and its like: a look, not an open; share modes do not count. */
  readonly queryOnly: boolean;
  /** For a rename or link: nothing is opened, `target` says where the name leads. */
  readonly forTarget: boolean;
  target: LinkTarget | undefined = undefined;

  constructor(options: {
    readonly desiredAccess: number;
    readonly allocationSize?: bigint;
    readonly fileAttributes?: number;
    readonly shareAccess: number;
    readonly disposition: number;
    readonly options: number;
    readonly pipe?: PipeParameters | undefined;
    readonly processId: number;
    readonly queryOnly?: boolean;
    readonly forTarget?: boolean;
  }) {
    this.desiredAccess = options.desiredAccess;
    this.allocationSize = options.allocationSize ?? 0n;
    this.fileAttributes = options.fileAttributes ?? 0;
    this.shareAccess = options.shareAccess;
    this.disposition = options.disposition;
    this.options = options.options;
    this.pipe = options.pipe;
    this.processId = options.processId;
    this.queryOnly = options.queryOnly ?? false;
    this.forTarget = options.forTarget ?? false;
  }
}

export interface PipeParameters {
  /** FILE_PIPE_MESSAGE_TYPE, FILE_PIPE_REJECT_REMOTE_CLIENTS. */
  readonly type: number;
  /** FILE_PIPE_MESSAGE_MODE. */
  readonly readMode: number;
  /** FILE_PIPE_COMPLETE_OPERATION. */
  readonly completionMode: number;
  readonly maximumInstances: number;
  readonly inboundQuota: number;
  readonly outboundQuota: number;
  /** Relative, in 100 ns units, negative. */
  readonly defaultTimeout: bigint;
}

/** The rights that a device without an opinion grants. */
export function grantRequested(request: CreateRequest, possible: number = FileAccess.FILE_ALL_ACCESS): number {
  const { MAXIMUM_ALLOWED } = StandardAccess;
  const asked = request.desiredAccess & ~MAXIMUM_ALLOWED;
  return (request.desiredAccess & MAXIMUM_ALLOWED ? asked | possible : asked) >>> 0;
}
