import { USER_NAME } from "../security/identity.ts";
import { MemoryLayer } from "../io-manager/memory-layer.ts";
import type { Layer } from "../io-manager/layer.ts";

/** What C: has before any image: the folders that programs take for granted, all empty. */
const directories = [
  "Program Files\\Common Files",
  "Program Files (x86)\\Common Files",
  "ProgramData",
  "windows\\Fonts",
  "windows\\globalization\\sorting",
  "windows\\inf",
  "windows\\system32\\drivers\\etc",
  "windows\\temp",
  "users\\Public\\Documents",
  `users\\${USER_NAME}\\AppData\\Local\\Temp`,
  `users\\${USER_NAME}\\AppData\\LocalLow`,
  `users\\${USER_NAME}\\AppData\\Roaming`,
  `users\\${USER_NAME}\\Desktop`,
  `users\\${USER_NAME}\\Documents`,
  `users\\${USER_NAME}\\Downloads`,
];

/** 2022-01-01, in 100 ns units since 1601. */
const createdAt = 132_854_688_000_000_000n;

/** The lowest layer of C:, under every image; the `scratch` image is this alone. */
export function systemDrive(): Layer {
  const layer = new MemoryLayer("system drive");
  for (const directory of directories) layer.addDirectory(directory, createdAt);
  return layer;
}
