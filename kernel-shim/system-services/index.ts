import type { SystemService } from "./service.ts";
import * as device from "./device.ts";
import * as directory from "./directory.ts";
import * as file from "./file.ts";
import * as pipe from "./pipe.ts";
import * as registry from "./registry.ts";
import * as volume from "./volume.ts";

/** All system services, by family: one file a family, every export of it a service. The trace and the reference show the families' names. */
export const serviceFamilies: Readonly<Record<string, readonly SystemService[]>> = {
  File: Object.values(file),
  Directory: Object.values(directory),
  Volume: Object.values(volume),
  Device: Object.values(device),
  Pipe: Object.values(pipe),
  Registry: Object.values(registry),
};

const byName = new Map<string, { readonly service: SystemService; readonly family: string }>();
for (const [family, services] of Object.entries(serviceFamilies)) {
  for (const service of services) {
    if (byName.has(service.name)) throw new Error(`${service.name} is declared twice`);
    byName.set(service.name, { service, family });
  }
}

export function serviceNamed(name: string): SystemService | undefined {
  return byName.get(name)?.service;
}
/** "Other" for services that are not declared. */
export function serviceFamily(name: string): string {
  return byName.get(name)?.family ?? "Other";
}
