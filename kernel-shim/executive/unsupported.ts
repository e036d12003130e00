/** Something that this kernel lacks. The service that throws it returns STATUS_NOT_IMPLEMENTED; what is missing is counted by name. */
export class Unsupported extends Error {
  override readonly name = "Unsupported";
  readonly what: string;
  constructor(what: string) {
    super(`not implemented: ${what}`);
    this.what = what;
  }
}

/** Leaves a service at once with `status`: for checks deep inside. Services return their status where they can. */
export class StatusError extends Error {
  override readonly name = "StatusError";
  readonly status: number;
  constructor(status: number) {
    super(`NTSTATUS 0x${(status >>> 0).toString(16)}`);
    this.status = status >>> 0;
  }
}
