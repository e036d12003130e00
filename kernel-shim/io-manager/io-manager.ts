import { stateClass } from "../executive/state.ts";
import type { Machine } from "../machine.ts";
import { MountManager, volumeName } from "./mount-manager.ts";
import { NamedPipeDevice } from "./named-pipe-device.ts";
import { NullDevice } from "./null-device.ts";
import { RandomDevice } from "./random-device.ts";
import type { Irp } from "./irp.ts";
import type { LayerStack } from "./layer.ts";
import { VolumeDevice } from "./volume-device.ts";
import { Volume, type VolumeLimits } from "./volume.ts";

const PART = "io";

/** The I/O manager of a machine: its devices and volumes. */
export class IoManager {
  readonly machine: Machine;
  readonly volumeDevices: VolumeDevice[] = [];
  readonly namedPipes: NamedPipeDevice;
  nextFileId = 1;
  /** Requests for which threads wait in their service, by ServiceCall.id. */
  readonly synchronousRequests = new Map<number, Irp>();

  constructor(machine: Machine) {
    this.machine = machine;
    const { namespace } = machine;
    this.namedPipes = new NamedPipeDevice(this);
    namespace.insert("\\Device\\NamedPipe", this.namedPipes);
    namespace.link("\\??\\PIPE", "\\Device\\NamedPipe");
    namespace.insert("\\Device\\Null", new NullDevice(this));
    namespace.link("\\??\\NUL", "\\Device\\Null");
    namespace.insert("\\Device\\MountPointManager", new MountManager(this));
    namespace.link("\\??\\MountPointManager", "\\Device\\MountPointManager");
    namespace.insert("\\Device\\KsecDD", new RandomDevice(this));
    namespace.insert("\\Device\\CNG", new RandomDevice(this));
  }

  /** Makes a volume over `layers` and gives it a drive letter, `C:` for example. */
  mountVolume(driveLetter: string, layers: LayerStack, limits?: VolumeLimits): VolumeDevice {
    const { clock, namespace, seed } = this.machine;
    const serialNumber = (0x5233_0000 ^ Math.imul(seed, 0x9e37_79b1) ^ this.volumeDevices.length) >>> 0;
    const volume = new Volume(layers, clock.startTime, serialNumber, limits);
    const device = new VolumeDevice(this, volume, driveLetter);
    this.volumeDevices.push(device);
    const path = `\\Device\\HarddiskVolume${this.volumeDevices.length}`;
    namespace.insert(path, device);
    namespace.link(`\\??\\${driveLetter}`, path);
    namespace.link(`\\??\\${volumeName(device)}`, path);
    return device;
  }

  static of(machine: Machine): IoManager {
    const part = machine.parts.get(PART);
    if (part instanceof IoManager) return part;
    const made = new IoManager(machine);
    machine.parts.set(PART, made);
    return made;
  }
}

stateClass("IoManager", IoManager);
