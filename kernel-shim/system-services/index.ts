import type { SystemService } from "./service.ts";
import * as device from "./device.ts";
import * as directory from "./directory.ts";
import * as exception from "./exception.ts";
import * as file from "./file.ts";
import * as fileScatter from "./file-scatter.ts";
import * as ioCompletion from "./io-completion.ts";
import * as job from "./job.ts";
import * as memory from "./memory.ts";
import * as namespace from "./namespace.ts";
import * as nls from "./nls.ts";
import * as object from "./object.ts";
import * as pipe from "./pipe.ts";
import * as process from "./process.ts";
import * as processInformation from "./process-information.ts";
import * as registry from "./registry.ts";
import * as section from "./section.ts";
import * as synchronization from "./synchronization.ts";
import * as systemInformation from "./system-information.ts";
import * as thread from "./thread.ts";
import * as threadInformation from "./thread-information.ts";
import * as time from "./time.ts";
import * as token from "./token.ts";
import * as volume from "./volume.ts";
import * as win32k from "./win32k.ts";
import * as wine from "./wine.ts";

/** All system services, by family: one file a family, every export of it a service. The trace and the reference show the families' names. */
export const serviceFamilies: Readonly<Record<string, readonly SystemService[]>> = {
  File: [...Object.values(file), ...Object.values(fileScatter)],
  Directory: Object.values(directory),
  Volume: Object.values(volume),
  Device: Object.values(device),
  Pipe: Object.values(pipe),
  Registry: Object.values(registry),
  Memory: Object.values(memory),
  Section: Object.values(section),
  Synchronization: [...Object.values(synchronization), ...Object.values(ioCompletion)],
  Process: [...Object.values(process), ...Object.values(processInformation), ...Object.values(job)],
  Thread: [...Object.values(thread), ...Object.values(threadInformation)],
  System: Object.values(systemInformation),
  Object: [...Object.values(object), ...Object.values(namespace)],
  Exception: Object.values(exception),
  Token: Object.values(token),
  Time: Object.values(time),
  Nls: Object.values(nls),
  Win32k: Object.values(win32k),
  Wine: Object.values(wine),
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
