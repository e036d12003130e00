import type { Cpu } from "../../emulator/cpu.ts";
import { COMPUTER_NAME, USER_NAME, USER_PROFILE } from "../../kernel-shim/security/identity.ts";
import type { Layer } from "../../kernel-shim/io-manager/layer.ts";

export interface SandboxLimits {
  /** Instructions of the whole run. */
  readonly instructions: number;
  /** Bytes that all processes together may commit. */
  readonly memory: number;
  /** Bytes that the run may write to the file system. */
  readonly fileBytes: number;
  readonly files: number;
  /** Events that the trace keeps. 0: nobody wants a trace, calls are only counted. */
  readonly events: number;
}

export const defaultSandboxLimits: SandboxLimits = {
  instructions: Infinity,
  memory: 3 * 2 ** 30,
  fileBytes: 2 ** 30,
  files: 100_000,
  events: 1_000_000,
};

export interface SandboxOptions {
  /** A CPU of its own: the sandbox sets its clock, and disposes of it with `dispose`. */
  readonly cpu: Cpu;
  /** What C: holds, the uppermost layer first. `systemDrive()` is added below all of them. */
  readonly layers: readonly Layer[];
  /** Guest path of the program, `C:\w\hello.exe`. */
  readonly program: string;
  /** The whole command line. Undefined: the program's path, quoted. */
  readonly commandLine?: string;
  readonly currentDirectory?: string;
  /** Added to the usual variables of a Windows system; an empty value removes one. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Standard input. Undefined: open, what `type` gives it arrives. */
  readonly stdin?: Uint8Array | undefined;
  readonly limits?: Partial<SandboxLimits>;
  /** Windows build number. */
  readonly build?: number;
  readonly seed?: number;
}

/** Where programs are put and start, unless told otherwise. */
export const workDirectory = "C:\\w";

export function defaultEnvironment(): Record<string, string> {
  return {
    ALLUSERSPROFILE: "C:\\ProgramData",
    APPDATA: `${USER_PROFILE}\\AppData\\Roaming`,
    CommonProgramFiles: "C:\\Program Files\\Common Files",
    COMPUTERNAME: COMPUTER_NAME,
    ComSpec: "C:\\windows\\system32\\cmd.exe",
    HOMEDRIVE: "C:",
    HOMEPATH: USER_PROFILE.slice(2),
    LOCALAPPDATA: `${USER_PROFILE}\\AppData\\Local`,
    NUMBER_OF_PROCESSORS: "1",
    OS: "Windows_NT",
    Path: "C:\\windows\\system32;C:\\windows;C:\\windows\\system32\\wbem",
    PATHEXT: ".COM;.EXE;.BAT;.CMD",
    PROCESSOR_ARCHITECTURE: "AMD64",
    ProgramData: "C:\\ProgramData",
    ProgramFiles: "C:\\Program Files",
    "ProgramFiles(x86)": "C:\\Program Files (x86)",
    PUBLIC: "C:\\users\\Public",
    SystemDrive: "C:",
    SystemRoot: "C:\\windows",
    TEMP: `${USER_PROFILE}\\AppData\\Local\\Temp`,
    TMP: `${USER_PROFILE}\\AppData\\Local\\Temp`,
    USERDOMAIN: COMPUTER_NAME,
    USERNAME: USER_NAME,
    USERPROFILE: USER_PROFILE,
    windir: "C:\\windows",
  };
}
