/** What can be started as a process, and what a file says of its origin. */
import { PeError } from "./error.ts";
import { Directory, dotnet, FileCharacteristics, Subsystem } from "./headers.ts";
import type { PeImage } from "./image.ts";
import { importsOf } from "./imports.ts";

const kernelModules = new Set(["ntoskrnl.exe", "hal.dll", "ndis.sys", "fltmgr.sys", "wdfldr.sys", "win32k.sys", "storport.sys", "ksecdd.sys"]); // prettier-ignore
const EFI_SUBSYSTEMS = new Set([10, 11, 12, 13]);

/** @throws PeError that says what else the image is: a DLL, a driver, a .NET assembly, firmware. */
export function checkProgram(image: PeImage): void {
  const { characteristics, subsystem, addressOfEntryPoint } = image.headers;
  if (EFI_SUBSYSTEMS.has(subsystem))
    throw new PeError("efi", "This is an EFI program: firmware starts it, not Windows. Choose a Windows .exe.");
  if (subsystem === Subsystem.NATIVE) {
    const kernel = importsOf(image).find(({ module }) => kernelModules.has(module.toLowerCase()));
    if (kernel !== undefined) {
      throw new PeError(
        "driver",
        `This is a kernel driver (it imports ${kernel.module}). Ring 3 runs user-mode programs: choose a .exe.`,
      );
    }
  }
  if (image.isDll)
    throw new PeError(
      "dll",
      "This is a DLL, not a program. Choose the .exe that uses it, and add the DLL as an extra file.",
    );
  if (image.directory(Directory.COM_DESCRIPTOR) !== undefined) throw dotnet();
  if ((characteristics & FileCharacteristics.EXECUTABLE_IMAGE) === 0) {
    throw new PeError("malformed", "The linker marked this file as not executable: it had errors. Link it again.");
  }
  if (!(Object.values(Subsystem) as number[]).includes(subsystem)) {
    throw new PeError(
      "subsystem",
      `This program is for the subsystem ${subsystem}, not for Windows. Choose a Windows .exe.`,
    );
  }
  if (addressOfEntryPoint === 0)
    throw new PeError("malformed", "This program has no entry point. Link it again with one.");
}

/** What made a program, as far as its bytes tell: for display, never for decisions. */
export interface Toolchain {
  readonly language?: "Go" | "Rust" | "Delphi";
  readonly linker?: "MSVC" | "GNU ld" | "LLD" | "Go";
  /** What the compiler wrote of itself, such as "GCC: (GNU) 12-win32". */
  readonly compiler?: string;
}

/** Only so much of each section is searched. */
const SEARCHED = 4 << 20;

export function toolchainOf(image: PeImage): Toolchain {
  const find = (text: string): number => search(image, text);
  const goBuild = find("\xff Go buildinf:") >= 0 || find("Go build ID: ") >= 0;
  if (goBuild) return { language: "Go", linker: "Go" };
  const gcc = find("GCC: (");
  const compiler = gcc < 0 ? undefined : textAt(image.bytes, gcc);
  const rich = indexOf(image.bytes.subarray(0, image.headers.ntHeadersOffset), "Rich") >= 0;
  const language =
    find("/rustc/") >= 0 ? "Rust" : image.section(".itext") && image.section(".didata") ? "Delphi" : undefined;
  const [major] = image.headers.linkerVersion;
  const linker = rich ? "MSVC" : compiler !== undefined || (major === 2 && image.section(".idata")) ? "GNU ld" : major === 14 ? "LLD" : undefined; // prettier-ignore
  return {
    ...(language === undefined ? {} : { language }),
    ...(linker === undefined ? {} : { linker }),
    ...(compiler === undefined ? {} : { compiler }),
  };
}

/** File offset of `text` in one of the sections, or -1. */
function search(image: PeImage, text: string): number {
  for (const section of image.sections) {
    const found = indexOf(image.sectionBytes(section).subarray(0, SEARCHED), text);
    if (found >= 0) return section.pointerToRawData + found;
  }
  return -1;
}

function indexOf(bytes: Uint8Array, text: string): number {
  const first = text.charCodeAt(0);
  for (let at = bytes.indexOf(first); at >= 0; at = bytes.indexOf(first, at + 1)) {
    let length = 1;
    while (length < text.length && bytes[at + length] === text.charCodeAt(length)) length++;
    if (length === text.length) return at;
  }
  return -1;
}

function textAt(bytes: Uint8Array, from: number): string {
  let end = from;
  while (end < bytes.length && end - from < 80 && bytes[end] >= 0x20 && bytes[end] < 0x7f) end++;
  return String.fromCharCode(...bytes.subarray(from, end));
}
