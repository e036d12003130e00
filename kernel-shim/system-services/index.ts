/** All system services. Each family adds its array here. */
import type { SystemService } from "./service.ts";

export const systemServices: readonly SystemService[] = [];

const byName = new Map(systemServices.map((service) => [service.name, service]));
if (byName.size !== systemServices.length) throw new Error("a system service is declared twice");

export function serviceNamed(name: string): SystemService | undefined {
  return byName.get(name);
}
