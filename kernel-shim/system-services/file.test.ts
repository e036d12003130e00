import { beforeEach, expect, test } from "vitest";
import type { AddressSpace, Cpu } from "../../emulator/cpu.ts";
import { BytesMemory } from "../abi/bytes-memory.ts";
import { ntstatus, statusName } from "../abi/ntstatus.ts";
import { encodeUtf16, decodeUtf16 } from "../abi/structures.ts";
import type { MachineEvent } from "../executive/observer.ts";
import { Event } from "../executive/event.ts";
import { Wait } from "../executive/wait.ts";
import { changeSet } from "../io-manager/change-set.ts";
import { IoManager } from "../io-manager/io-manager.ts";
import { LayerStack } from "../io-manager/layer.ts";
import { MemoryLayer } from "../io-manager/memory-layer.ts";
import { StandardStreams } from "../io-manager/standard-streams.ts";
import { Machine } from "../machine.ts";
import { HandleTable } from "../object-manager/handle-table.ts";
import { closeHandle } from "../object-manager/close.ts";
import type { Process } from "../process-manager/process.ts";
import { Thread } from "../process-manager/thread.ts";
import { ServiceCall } from "./service-call.ts";
import { serviceNamed } from "./index.ts";

/** A caller without a CPU: services are called with arguments as the dispatcher would decode them. */
class Caller {
  readonly machine: Machine;
  readonly io: IoManager;
  readonly bytes = new BytesMemory(0x10000);
  readonly process: Process;
  readonly events: MachineEvent[] = [];
  private top = 0x1000;

  constructor() {
    const observer = { enter() {}, exit() {}, event: (event: MachineEvent) => void this.events.push(event) };
    this.machine = new Machine({ cpu: {} as Cpu, observer });
    this.io = IoManager.of(this.machine);
    const layer = new MemoryLayer("image", [["docs\\a.txt", new TextEncoder().encode("alpha")]]);
    this.io.mountVolume("C:", new LayerStack([layer]));
    const memory = Object.assign(this.bytes, { probe() {} }) as unknown as AddressSpace;
    this.process = { id: 8, memory, handles: new HandleTable() } as unknown as Process;
  }
  thread(): Thread {
    return new Thread(this.machine.takeId(), this.process, 0);
  }
  allocate(size: number): number {
    const at = this.top;
    this.top += Math.ceil(size / 16) * 16;
    this.bytes.bytes.fill(0, at, this.top);
    return at;
  }
  string(text: string): number {
    const buffer = this.allocate(text.length * 2);
    this.bytes.write(buffer, encodeUtf16(text));
    const at = this.allocate(16);
    this.bytes.writeUint16(at, text.length * 2);
    this.bytes.writeUint16(at + 2, text.length * 2);
    this.bytes.writePointer(at + 8, buffer);
    return at;
  }
  attributes(name: string, root = 0): number {
    const at = this.allocate(0x30);
    this.bytes.writeUint32(at, 0x30);
    this.bytes.writeUint64(at + 8, BigInt(root));
    this.bytes.writePointer(at + 0x10, this.string(name));
    this.bytes.writeUint32(at + 0x18, 0x40);
    return at;
  }
  call(
    name: string,
    args: readonly number[],
    thread = this.thread(),
    id = this.machine.nextCall++,
    restarted?: number,
  ): number | Wait {
    const service = serviceNamed(name);
    if (!service) throw new Error(`no ${name}`);
    const call = new ServiceCall(this.machine, thread, id, name, service, restarted);
    const source = {
      low32: (i: number) => (args[i] ?? 0) >>> 0,
      number: (i: number) => args[i] ?? 0,
      bigint: (i: number) => BigInt.asUintN(64, BigInt(args[i] ?? 0)),
    };
    try {
      const result = service.run(call, service.decode({ source, memory: call.memory }));
      return result instanceof Wait ? result : Number(result);
    } catch (error) {
      if (error instanceof Error && "status" in error) return Number(error.status);
      throw error;
    }
  }
  status(name: string, args: readonly number[]): string {
    const result = this.call(name, args);
    return result instanceof Wait ? "waits" : statusName(result);
  }
  create(
    path: string,
    options: {
      access?: number;
      disposition?: number;
      share?: number;
      options?: number;
      attributes?: number;
      root?: number;
    } = {},
  ) {
    const handle = this.allocate(8);
    const iosb = this.allocate(16);
    const status = this.status("NtCreateFile", [
      handle, options.access ?? GENERIC_RW, this.attributes(path, options.root), iosb, 0, options.attributes ?? 0, options.share ?? 7,
      options.disposition ?? OPEN, options.options ?? SYNC, 0, 0,
    ]); // prettier-ignore
    return { status, handle: this.bytes.readPointer(handle), information: this.bytes.readPointer(iosb + 8) };
  }
  write(handle: number, text: string, offset = 0): string {
    const buffer = this.allocate(text.length);
    this.bytes.write(buffer, new TextEncoder().encode(text));
    return this.status("NtWriteFile", [handle, 0, 0, 0, this.allocate(16), buffer, text.length, offset, 0]);
  }
  offset(value: bigint): number {
    const at = this.allocate(8);
    this.bytes.writeUint64(at, BigInt.asUintN(64, value));
    return at;
  }
  read(handle: number, length = 100, offset = 0): string {
    const buffer = this.allocate(length);
    const iosb = this.allocate(16);
    const status = this.status("NtReadFile", [handle, 0, 0, 0, iosb, buffer, length, offset, 0]);
    if (status !== "STATUS_SUCCESS") return status;
    return new TextDecoder().decode(this.bytes.read(buffer, this.bytes.readPointer(iosb + 8)));
  }
  close(handle: number): void {
    closeHandle(this.machine, this.process, handle);
  }
  set(handle: number, informationClass: number, input: Uint8Array): string {
    const buffer = this.allocate(input.length);
    this.bytes.write(buffer, input);
    return this.status("NtSetInformationFile", [handle, this.allocate(16), buffer, input.length, informationClass]);
  }
  list(path: string, pattern?: string): string[] {
    const { handle } = this.create(path, { access: 0x100001, options: SYNC | 1 });
    const names: string[] = [];
    for (;;) {
      const buffer = this.allocate(0x400);
      const mask = pattern === undefined ? 0 : this.string(pattern);
      const status = this.status("NtQueryDirectoryFile", [
        handle,
        0,
        0,
        0,
        this.allocate(16),
        buffer,
        0x100,
        12,
        0,
        mask,
        0,
      ]);
      if (status !== "STATUS_SUCCESS") {
        if (names.length === 0) names.push(status);
        break;
      }
      for (let at = buffer; ; at += this.bytes.readUint32(at)) {
        names.push(decodeUtf16(this.bytes.read(at + 12, this.bytes.readUint32(at + 8))));
        if (this.bytes.readUint32(at) === 0) break;
      }
    }
    this.close(handle);
    return names;
  }
}

const GENERIC_RW = 0xc0110000; // with SYNCHRONIZE and DELETE
const SYNC = 0x20;
const [SUPERSEDE, OPEN, CREATE, OPEN_IF, OVERWRITE, OVERWRITE_IF] = [0, 1, 2, 3, 4, 5];
const rename = (name: string, replace = false) => {
  const memory = new BytesMemory(Math.max(0x18, 0x14 + name.length * 2));
  memory.writeUint8(0, replace ? 1 : 0);
  memory.writeUint32(0x10, name.length * 2);
  memory.write(0x14, encodeUtf16(name));
  return memory.bytes;
};

let caller: Caller;
beforeEach(() => {
  caller = new Caller();
});
const volume = () => caller.io.volumeDevices[0].volume;

test("dispositions tell what they did", () => {
  expect(caller.create("\\??\\C:\\new.txt", { disposition: OPEN }).status).toBe("STATUS_OBJECT_NAME_NOT_FOUND");
  expect(caller.create("\\??\\C:\\no\\new.txt", { disposition: CREATE }).status).toBe("STATUS_OBJECT_PATH_NOT_FOUND");
  const created = caller.create("\\??\\C:\\new.txt", { disposition: OPEN_IF });
  expect([created.status, created.information]).toEqual(["STATUS_SUCCESS", 2]);
  expect(caller.create("\\??\\C:\\NEW.TXT", { disposition: CREATE }).status).toBe("STATUS_OBJECT_NAME_COLLISION");
  expect(caller.create("\\??\\C:\\NEW.TXT", { disposition: OPEN }).information).toBe(1);
  expect(caller.create("\\??\\C:\\NEW.TXT", { disposition: OVERWRITE }).information).toBe(3);
  expect(caller.create("\\DosDevices\\C:\\new.txt", { disposition: SUPERSEDE }).information).toBe(0);
  expect(caller.create("\\??\\C:\\a:b", { disposition: OVERWRITE_IF }).status).toBe("STATUS_OBJECT_NAME_INVALID");
});

test("a written file reads back and is in the change set", () => {
  const { handle } = caller.create("\\??\\C:\\testfile.txt", { disposition: CREATE });
  expect(caller.write(handle, "hello")).toBe("STATUS_SUCCESS");
  expect(caller.write(handle, " world")).toBe("STATUS_SUCCESS");
  expect(caller.read(handle)).toBe("STATUS_END_OF_FILE");
  expect(caller.read(handle, 100, caller.offset(6n))).toBe("world");
  expect(caller.write(handle, "!", caller.offset(-1n))).toBe("STATUS_SUCCESS");
  caller.close(handle);
  expect(changeSet(volume()).map(({ path, change, size }) => ({ path, change, size }))).toEqual([
    { path: "C:\\testfile.txt", change: "created", size: 12 },
  ]);
});

test("share modes are enforced and end with the handle", () => {
  const first = caller.create("\\??\\C:\\docs\\a.txt", { share: 1, access: 0x80100000 });
  expect(caller.create("\\??\\C:\\docs\\a.txt").status).toBe("STATUS_SHARING_VIOLATION");
  expect(caller.create("\\??\\C:\\docs\\a.txt", { access: 0x80100000, share: 1 }).status).toBe("STATUS_SUCCESS");
  caller.close(first.handle);
});

test("delete-on-close and disposition delete with the last handle; until then nobody opens the name", () => {
  const path = "\\??\\C:\\docs\\a.txt";
  const one = caller.create(path);
  const two = caller.create(path);
  expect(caller.set(one.handle, 13, new Uint8Array([1]))).toBe("STATUS_SUCCESS");
  expect(caller.create(path).status).toBe("STATUS_DELETE_PENDING");
  caller.close(one.handle);
  expect(caller.read(two.handle)).toBe("alpha");
  caller.close(two.handle);
  expect(caller.create(path).status).toBe("STATUS_OBJECT_NAME_NOT_FOUND");
  const three = caller.create("\\??\\C:\\temp", { disposition: CREATE, options: SYNC | 0x1000 });
  caller.close(three.handle);
  expect(caller.create("\\??\\C:\\temp").status).toBe("STATUS_OBJECT_NAME_NOT_FOUND");
  expect(caller.status("NtDeleteFile", [caller.attributes("\\??\\C:\\docs")])).toBe("STATUS_SUCCESS");
  expect(caller.create("\\??\\C:\\docs", { access: 0x80100000 }).status).toBe("STATUS_OBJECT_NAME_NOT_FOUND");
});

test("rename moves, collides, and replaces when told to", () => {
  caller.close(caller.create("\\??\\C:\\b.txt", { disposition: CREATE }).handle);
  const { handle } = caller.create("\\??\\C:\\docs\\a.txt");
  expect(caller.set(handle, 10, rename("\\??\\C:\\b.txt"))).toBe("STATUS_OBJECT_NAME_COLLISION");
  expect(caller.set(handle, 10, rename("\\??\\C:\\b.txt", true))).toBe("STATUS_SUCCESS");
  expect(caller.read(handle)).toBe("alpha");
  expect(changeSet(volume()).map(({ path, change, from }) => [change, path, from])).toEqual([
    ["renamed", "C:\\b.txt", "C:\\docs\\a.txt"],
  ]);
});

test("directories list in NTFS's order, by pattern, over several calls", () => {
  for (const name of ["zeta.txt", "Beta.log", "eta", "delta.txt", "a-rather-long-name-for-a-small-buffer.txt"]) {
    caller.close(caller.create(`\\??\\C:\\docs\\${name}`, { disposition: CREATE }).handle);
  }
  expect(caller.list("\\??\\C:\\docs")).toEqual([
    ".",
    "..",
    "a-rather-long-name-for-a-small-buffer.txt",
    "a.txt",
    "Beta.log",
    "delta.txt",
    "eta",
    "zeta.txt",
  ]);
  expect(caller.list("\\??\\C:\\docs", "*TA.txt")).toEqual(["delta.txt", "zeta.txt"]);
  expect(caller.list("\\??\\C:\\docs", "nothing")).toEqual(["STATUS_NO_SUCH_FILE"]);
  expect(caller.list("\\??\\C:\\")).toEqual(["docs"]);
});

test("attributes are told without opening; a relative name starts at its directory", () => {
  const buffer = caller.allocate(0x38);
  expect(caller.status("NtQueryFullAttributesFile", [caller.attributes("\\??\\C:\\docs\\a.txt"), buffer])).toBe(
    "STATUS_SUCCESS",
  );
  expect(caller.bytes.readUint64(buffer + 0x28)).toBe(5n);
  const directory = caller.create("\\??\\C:\\docs", { access: 0x100001, options: SYNC | 1 });
  expect(caller.create("a.txt", { root: directory.handle }).status).toBe("STATUS_SUCCESS");
  expect(caller.create("\\??\\C:\\docs\\a.txt", { options: SYNC | 1 }).status).toBe("STATUS_NOT_A_DIRECTORY");
  expect(caller.create("\\??\\C:\\docs", { options: SYNC | 0x40 }).status).toBe("STATUS_FILE_IS_A_DIRECTORY");
});

test("a pipe: a read waits, is completed by a write, and is broken by a close", () => {
  const server = caller.allocate(8);
  const iosb = caller.allocate(16);
  const args = [
    server,
    0x80100000,
    caller.attributes("\\??\\pipe\\p"),
    iosb,
    2,
    CREATE,
    SYNC,
    0,
    0,
    0,
    1,
    0x1000,
    0x1000,
    0,
  ];
  expect(caller.status("NtCreateNamedPipeFile", args)).toBe("STATUS_SUCCESS");
  const client = caller.create("\\??\\PIPE\\P", { access: 0x40100000 });
  expect(client.status).toBe("STATUS_SUCCESS");
  const buffer = caller.allocate(16);
  const thread = caller.thread();
  const read = [caller.bytes.readPointer(server), 0, 0, 0, iosb, buffer, 16, 0, 0];
  const wait = caller.call("NtReadFile", read, thread, 77);
  expect(wait).toBeInstanceOf(Wait);
  expect(caller.write(client.handle, "ping")).toBe("STATUS_SUCCESS");
  expect(wait instanceof Wait && wait.objects[0].isSignaled(thread)).toBe(true);
  expect(caller.call("NtReadFile", read, thread, 77, 0)).toBe(ntstatus.STATUS_SUCCESS);
  expect(new TextDecoder().decode(caller.bytes.read(buffer, 4))).toBe("ping");
  caller.close(client.handle);
  expect(caller.call("NtReadFile", read)).toBe(ntstatus.STATUS_PIPE_BROKEN);
});

test("an asynchronous lock waits with STATUS_PENDING and is granted by the unlock", () => {
  const path = "\\??\\C:\\docs\\a.txt";
  const holder = caller.create(path);
  const waiter = caller.create(path, { options: 0 });
  const [offset, length] = [caller.offset(0n), caller.offset(5n)];
  const event = new Event(true);
  const eventHandle = caller.process.handles.insert(event, 0x1f0003);
  const iosb = caller.allocate(16);
  expect(caller.status("NtLockFile", [holder.handle, 0, 0, 0, caller.allocate(16), offset, length, 0, 0, 1])).toBe(
    "STATUS_SUCCESS",
  );
  expect(caller.status("NtLockFile", [waiter.handle, eventHandle, 0, 0, iosb, offset, length, 0, 0, 1])).toBe(
    "STATUS_PENDING",
  );
  expect(event.signaled).toBe(false);
  expect(caller.status("NtUnlockFile", [holder.handle, caller.allocate(16), offset, length, 0])).toBe("STATUS_SUCCESS");
  expect([event.signaled, caller.bytes.readUint32(iosb)]).toEqual([true, 0]);
});

test("standard streams: output reaches the observer, input can come late and end", () => {
  const standard = new StandardStreams(caller.io);
  const output = caller.process.handles.insert(standard.output, 0x120116);
  const input = caller.process.handles.insert(standard.input, 0x120089);
  expect(caller.write(output, "hi")).toBe("STATUS_SUCCESS");
  expect(
    caller.events.map((event) => event.kind === "output" && [event.stream, new TextDecoder().decode(event.bytes)]),
  ).toEqual([["stdout", "hi"]]);
  expect(caller.read(input)).toBe("waits");
  expect(standard.isRead).toBe(true);
  standard.write(new TextEncoder().encode("taken"));
  standard.write(new TextEncoder().encode("typed"));
  expect(caller.read(input)).toBe("typed");
  standard.end();
  expect(caller.read(input)).toBe("STATUS_PIPE_BROKEN");
});

test("the null device, and random bytes from the seed", () => {
  const nul = caller.create("\\??\\NUL");
  expect([caller.write(nul.handle, "gone"), caller.read(nul.handle)]).toEqual(["STATUS_SUCCESS", "STATUS_END_OF_FILE"]);
  const random = caller.create("\\Device\\CNG");
  const buffer = caller.allocate(16);
  expect(
    caller.status("NtDeviceIoControlFile", [random.handle, 0, 0, 0, caller.allocate(16), 0x390004, 0, 0, buffer, 16]),
  ).toBe("STATUS_SUCCESS");
  expect(caller.bytes.read(buffer, 16)).toEqual(new Caller().machine.random.bytes(16));
});

test("a directory watch tells what changed", () => {
  const directory = caller.create("\\??\\C:\\docs", { access: 0x100001, options: 1 });
  const buffer = caller.allocate(256);
  const iosb = caller.allocate(16);
  expect(caller.status("NtNotifyChangeDirectoryFile", [directory.handle, 0, 0, 0, iosb, buffer, 256, 3, 0])).toBe(
    "STATUS_PENDING",
  );
  caller.close(caller.create("\\??\\C:\\docs\\new", { disposition: CREATE }).handle);
  expect(caller.bytes.readUint32(buffer + 4)).toBe(1);
  expect(decodeUtf16(caller.bytes.read(buffer + 12, caller.bytes.readUint32(buffer + 8)))).toBe("new");
});

test("pages are gathered into a file and scattered from it; the last one may be used in part", () => {
  const caller = new Caller();
  const unbuffered = caller.create("\\??\\C:\\pages", { disposition: CREATE, options: 0x8 });
  expect(unbuffered.status).toBe("STATUS_SUCCESS");
  const { bytes } = caller;
  const pages = [0x6000, 0x4000];
  const segments = caller.allocate(16);
  pages.forEach((page, index) => {
    bytes.writePointer(segments + index * 8, page);
    bytes.bytes.fill(index + 1, page, page + 0x1000);
  });
  const start = caller.offset(0n);
  const request = (name: string, length: number, handle = unbuffered.handle) =>
    caller.status(name, [handle, 0, 0, 0, caller.allocate(16), segments, length, start, 0]);
  expect(request("NtWriteFileGather", 0x2000)).toBe("STATUS_PENDING");
  for (const page of pages) bytes.bytes.fill(0, page, page + 0x1000);
  expect(request("NtReadFileScatter", 0x1800)).toBe("STATUS_PENDING");
  expect([
    bytes.bytes[0x6000],
    bytes.bytes[0x6fff],
    bytes.bytes[0x4000],
    bytes.bytes[0x47ff],
    bytes.bytes[0x4800],
  ]).toEqual([1, 1, 2, 2, 0]);
  const buffered = caller.create("\\??\\C:\\pages");
  expect(request("NtReadFileScatter", 0x1000, buffered.handle)).toBe("STATUS_INVALID_PARAMETER");
});

test("a lock needs no status block", () => {
  const caller = new Caller();
  const { handle } = caller.create("\\??\\C:\\docs\\a.txt");
  const [start, length] = [caller.offset(0n), caller.offset(4n)];
  expect(caller.status("NtLockFile", [handle, 0, 0, 0, 0, start, length, 0, 1, 1])).toBe("STATUS_SUCCESS");
  expect(caller.status("NtUnlockFile", [handle, 0, start, length, 0])).toBe("STATUS_SUCCESS");
});
