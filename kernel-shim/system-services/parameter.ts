import type { ArgumentSource, Captured, CaptureContext, GuestMemory, Scalar, Type } from "../abi/type.ts";
import { formatCaptured } from "../abi/type.ts";

/** Bytes of a buffer that the trace keeps. */
const PREVIEW = 64;

/** What decoding a parameter may use: its own argument, and by name the others (a buffer's length). */
export interface DecodeContext {
  readonly source: ArgumentSource;
  readonly memory: GuestMemory & { probe(address: number, length: number, access: "read" | "write"): void };
  indexOf(parameter: string): number;
}

/** A kind of parameter: how the argument becomes the value that the service sees, and what the trace keeps of it. */
export interface Parameter<T> {
  readonly direction: "in" | "out" | "inout";
  /** The type's name in the reference, for example `HANDLE*`. */
  readonly typeName: string;
  readonly optional: boolean;
  /** Throws GuestFault where the kernel's probe would fault. */
  decode(context: DecodeContext, index: number): T;
  /** Undefined where there is nothing to show before the service ran. */
  captureBefore(value: T, context: CaptureContext): Captured | undefined;
  /** Undefined where the service cannot have changed it. Called for successful services only. May throw GuestFault. */
  captureAfter(value: T, context: CaptureContext): Captured | undefined;
  format(captured: Captured): string;
}

/** A pointer through which a service returns a value. */
export class OutPointer<T> {
  readonly address: number;
  private readonly type: Type<T>;
  private readonly memory: GuestMemory;
  constructor(address: number, type: Type<T>, memory: GuestMemory) {
    this.address = address;
    this.type = type;
    this.memory = memory;
  }
  set(value: T): void {
    this.type.write(this.memory, this.address, value);
  }
}
/** A pointer to a value that a service reads and changes. */
export class InOutPointer<T> extends OutPointer<T> {
  /** As it was when the service was called. */
  readonly value: T;
  constructor(address: number, type: Type<T>, memory: GuestMemory) {
    super(address, type, memory);
    this.value = type.read(memory, address);
  }
}

/** Guest memory that a service fills. */
export class OutBuffer {
  readonly address: number;
  readonly length: number;
  readonly memory: GuestMemory;
  constructor(address: number, length: number, memory: GuestMemory) {
    this.address = address;
    this.length = length;
    this.memory = memory;
  }
  /** Writes at `offset`; the caller sees to it that it fits. */
  write(bytes: Uint8Array, offset = 0): void {
    if (offset + bytes.length > this.length) throw new RangeError("a service wrote beyond its caller's buffer");
    if (bytes.length > 0) this.memory.write(this.address + offset, bytes);
  }
}
/** Guest memory that a service reads. */
export class InBuffer {
  readonly address: number;
  readonly length: number;
  readonly memory: GuestMemory;
  constructor(address: number, length: number, memory: GuestMemory) {
    this.address = address;
    this.length = length;
    this.memory = memory;
  }
  bytes(): Uint8Array {
    return this.length === 0 ? new Uint8Array(0) : this.memory.read(this.address, this.length);
  }
}

export function value<T>(type: Scalar<T>): Parameter<T> {
  return {
    direction: "in",
    typeName: type.name,
    optional: false,
    decode: ({ source }, index) => type.fromArgument(source, index),
    captureBefore: (v, context) => type.capture(v, context),
    captureAfter: () => undefined,
    format: (captured) => type.format(captured),
  };
}

/** A pointer to a value that the service reads; the service sees the value. */
export function pointer<T>(type: Type<T>): Parameter<T> {
  return {
    direction: "in",
    typeName: `${type.name}*`,
    optional: false,
    decode: ({ source, memory }, index) => type.read(memory, source.number(index)),
    captureBefore: (v, context) => type.capture(v, context),
    captureAfter: () => undefined,
    format: (captured) => type.format(captured),
  };
}

export function out<T>(type: Type<T>): Parameter<OutPointer<T>> {
  return {
    direction: "out",
    typeName: `${type.name}*`,
    optional: false,
    decode({ source, memory }, index) {
      const address = source.number(index);
      memory.probe(address, type.size, "write");
      return new OutPointer(address, type, memory);
    },
    captureBefore: () => undefined,
    captureAfter: ({ address }, context) => type.capture(type.read(context.memory, address), context),
    format: (captured) => type.format(captured),
  };
}

export function inout<T>(type: Type<T>): Parameter<InOutPointer<T>> {
  return {
    direction: "inout",
    typeName: `${type.name}*`,
    optional: false,
    decode({ source, memory }, index) {
      const address = source.number(index);
      memory.probe(address, type.size, "write");
      return new InOutPointer(address, type, memory);
    },
    captureBefore: (v, context) => type.capture(v.value, context),
    captureAfter: ({ address }, context) => type.capture(type.read(context.memory, address), context),
    format: (captured) => type.format(captured),
  };
}

/** The same parameter where a null pointer means that it is not given. */
export function optional<T>(parameter: Parameter<T>): Parameter<T | undefined> {
  return {
    ...parameter,
    optional: true,
    decode: (context, index) => (context.source.number(index) === 0 ? undefined : parameter.decode(context, index)),
    captureBefore: (v, context) => (v === undefined ? null : parameter.captureBefore(v, context)),
    captureAfter: (v, context) => (v === undefined ? undefined : parameter.captureAfter(v, context)),
    format: (captured) => (captured === null ? "NULL" : parameter.format(captured)),
  };
}

/** A buffer to fill, whose length in bytes is the parameter `length`. A null pointer is a buffer at address 0: services that answer with a size accept it. */
export function outBuffer(length: string): Parameter<OutBuffer> {
  return {
    direction: "out",
    typeName: "PVOID",
    optional: false,
    decode({ source, memory, indexOf }, index) {
      return new OutBuffer(source.number(index), source.low32(indexOf(length)), memory);
    },
    captureBefore: () => undefined,
    captureAfter: (buffer, context) => preview(buffer, context),
    format: formatCaptured,
  };
}

/** A buffer to read, whose length in bytes is the parameter `length`. */
export function inBuffer(length: string): Parameter<InBuffer> {
  return {
    direction: "in",
    typeName: "PVOID",
    optional: false,
    decode({ source, memory, indexOf }, index) {
      return new InBuffer(source.number(index), source.low32(indexOf(length)), memory);
    },
    captureBefore: (buffer, context) => preview(buffer, context),
    captureAfter: () => undefined,
    format: formatCaptured,
  };
}

/** `count` values (the parameter of that name) that lie one after the other; at most `maximum`, more read as none. */
export function arrayOf<T>(type: Type<T>, count: string, maximum: number): Parameter<readonly T[]> {
  return {
    direction: "in",
    typeName: `${type.name}*`,
    optional: false,
    decode({ source, memory, indexOf }, index) {
      const length = source.low32(indexOf(count));
      const address = source.number(index);
      return Array.from({ length: length > maximum ? 0 : length }, (_, i) =>
        type.read(memory, address + i * type.size),
      );
    },
    captureBefore: (values, context) => values.map((one) => type.capture(one, context)),
    captureAfter: () => undefined,
    format: (captured) =>
      Array.isArray(captured)
        ? `[${captured.map((one: Captured) => type.format(one)).join(", ")}]`
        : formatCaptured(captured),
  };
}

function preview(buffer: InBuffer | OutBuffer, { memory }: CaptureContext): Captured {
  if (buffer.address === 0) return null;
  const { address, length } = buffer;
  try {
    return { length, bytes: memory.read(address, Math.min(length, PREVIEW)) };
  } catch {
    return address; // The service answers for it; the trace shows the pointer.
  }
}
