import { MemoryLayer } from "../io-manager/memory-layer.ts";
import type { Layer } from "../io-manager/layer.ts";

export const userName = "user";

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
  `users\\${userName}\\AppData\\Local\\Temp`,
  `users\\${userName}\\AppData\\LocalLow`,
  `users\\${userName}\\AppData\\Roaming`,
  `users\\${userName}\\Desktop`,
  `users\\${userName}\\Documents`,
  `users\\${userName}\\Downloads`,
];

/** 2022-01-01, in 100 ns units since 1601. */
const createdAt = 132_854_688_000_000_000n;

/** The lowest layer of C:, under every image; the `scratch` image is this alone. */
export function systemDrive(): Layer {
  const layer = new MemoryLayer("system drive");
  for (const directory of directories) layer.addDirectory(directory, createdAt);
  return layer;
}
