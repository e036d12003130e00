/** What a file is when it is no portable executable, so that a message can say what to do with it. */
import { PeError } from "./error.ts";
import type { PeErrorKind } from "./error.ts";

interface Signature {
  readonly bytes: readonly number[];
  readonly kind: PeErrorKind;
  readonly is: string;
}

const ascii = (text: string): readonly number[] => [...text].map((letter) => letter.charCodeAt(0));
const UNPACK = "Unpack it and choose the .exe inside";

const signatures: readonly Signature[] = [
  { bytes: [0x7f, ...ascii("ELF")], kind: "elf", is: "This is a Linux program (ELF). Ring 3 runs Windows programs: choose its .exe for 64-bit Windows" },
  { bytes: [0xcf, 0xfa, 0xed, 0xfe], kind: "mach-o", is: "This is a macOS program (Mach-O). Ring 3 runs Windows programs: choose its .exe for 64-bit Windows" },
  { bytes: [0xca, 0xfe, 0xba, 0xbe], kind: "mach-o", is: "This is a macOS universal program or a Java class. Ring 3 runs Windows programs: choose a .exe for 64-bit Windows" },
  { bytes: ascii("PK\x03\x04"), kind: "archive", is: `This is a zip archive. ${UNPACK}` },
  { bytes: [...ascii("7z"), 0xbc, 0xaf], kind: "archive", is: `This is a 7-Zip archive. ${UNPACK}` },
  { bytes: ascii("Rar!"), kind: "archive", is: `This is a RAR archive. ${UNPACK}` },
  { bytes: ascii("MSCF"), kind: "archive", is: `This is a cabinet archive. ${UNPACK}` },
  { bytes: [0x1f, 0x8b], kind: "archive", is: `This is a gzip archive. ${UNPACK}` },
  { bytes: [0xfd, ...ascii("7zXZ")], kind: "archive", is: `This is an xz archive. ${UNPACK}` },
  { bytes: ascii("BZh"), kind: "archive", is: `This is a bzip2 archive. ${UNPACK}` },
  { bytes: [0xd0, 0xcf, 0x11, 0xe0], kind: "installer-package", is: "This is a Windows Installer package or an old Office document, not a program. Choose the .exe that it installs" },
  { bytes: ascii("%PDF"), kind: "document", is: "This is a PDF document, not a program. Choose a .exe" },
  { bytes: [0x89, ...ascii("PNG")], kind: "document", is: "This is an image, not a program. Choose a .exe" },
  { bytes: [0x4c, 0, 0, 0, 1, 0x14, 2, 0], kind: "document", is: "This is a shortcut (.lnk), not a program. Choose the .exe that it points to" },
  { bytes: ascii("#!"), kind: "script", is: "This is a script for a Unix shell, not a Windows program. Choose a .exe" },
  { bytes: [0x64, 0x86], kind: "object-file", is: "This looks like an object file that a compiler made, not a program. Link it and choose the .exe" },
]; // prettier-ignore

export function describeNotPe(bytes: Uint8Array): PeError {
  if (bytes.length === 0) return new PeError("empty", "The file is empty. Download or copy it again.");
  for (const { bytes: start, kind, is } of signatures) {
    if (start.every((byte, index) => bytes[index] === byte)) return new PeError(kind, `${is}.`);
  }
  if (isText(bytes.subarray(0, 1024))) {
    return new PeError(
      "text",
      "This is a text file, not a program. Choose a .exe; a batch file can be given to cmd.exe as an extra file.",
    );
  }
  return new PeError("unknown-data", "This is not a Windows program: it does not begin with MZ. Choose a .exe.");
}

/** An MZ file without PE signature: what DOS, 16-bit Windows and OS/2 left us. */
export function describeOldExecutable(signature: string): PeError {
  switch (signature) {
    case "NE":
      return new PeError(
        "win16",
        "This is a 16-bit Windows program (NE). Ring 3 runs 64-bit programs: look for a 64-bit version.",
      );
    case "LE":
    case "LX":
      return new PeError(
        "os2",
        `This is an OS/2 program or a driver of old Windows (${signature}). Ring 3 runs 64-bit Windows programs.`,
      );
    default:
      return new PeError(
        "dos",
        "This is a DOS program: it has no PE header. Ring 3 runs 64-bit Windows programs; DOSBox runs this one.",
      );
  }
}

function isText(bytes: Uint8Array): boolean {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return true;
  return bytes.every((byte) => byte >= 0x20 || byte === 9 || byte === 10 || byte === 13 || byte === 12);
}
