import { BytesMemory } from "../abi/bytes-memory.ts";
import { AllocationType, PageProtection } from "../abi/memory.ts";
import { RTL_USER_PROCESS_PARAMETERS } from "../abi/structures.ts";
import type { Process } from "../process-manager/process.ts";

export interface ProcessParameters {
  /** Of the program, `C:\w\hello.exe`. */
  readonly imagePath: string;
  readonly commandLine: string;
  readonly currentDirectory: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly standardInput: number;
  readonly standardOutput: number;
  readonly standardError: number;
}

/** Pointers in the block are addresses and not offsets. */
const RTL_USER_PROC_PARAMS_NORMALIZED = 1;
/** Room for a current directory of MAX_PATH characters. */
const CURRENT_DIRECTORY_BYTES = 520;
const MAXIMUM_STRING = 0xfffe;

/** Writes RTL_USER_PROCESS_PARAMETERS and its strings into the process; returns its address. */
export function writeProcessParameters(process: Process, parameters: ProcessParameters): number {
  const environment = environmentBlock(parameters.environment);
  const directory = parameters.currentDirectory.replace(/\\*$/, "\\");
  const texts = [parameters.imagePath, parameters.commandLine, parameters.imagePath, "WinSta0\\Default", ""];
  const size =
    RTL_USER_PROCESS_PARAMETERS.size +
    CURRENT_DIRECTORY_BYTES +
    texts.reduce((sum, text) => sum + text.length * 2 + 16, 0) +
    environment.length +
    16;
  const { base } = process.virtualMemory.allocate(
    0,
    size,
    AllocationType.MEM_COMMIT | AllocationType.MEM_RESERVE,
    PageProtection.PAGE_READWRITE,
  );
  const block = new BytesMemory(size);
  let next = RTL_USER_PROCESS_PARAMETERS.size;
  const string = (text: string, room = text.length * 2 + 2) => {
    const bytes = utf16(text).subarray(0, MAXIMUM_STRING - 2);
    const at = next;
    block.write(at, bytes);
    next += Math.ceil((room + 2) / 8) * 8;
    return { Length: bytes.length, MaximumLength: Math.min(room, MAXIMUM_STRING), Buffer: base + at };
  };
  const currentDirectory = string(directory, CURRENT_DIRECTORY_BYTES);
  const [imagePath, commandLine, windowTitle, desktop, shell] = texts.map((text) => string(text));
  block.write(next, environment);
  RTL_USER_PROCESS_PARAMETERS.set(block, 0, {
    MaximumLength: size,
    Length: size,
    Flags: RTL_USER_PROC_PARAMS_NORMALIZED,
    StandardInput: parameters.standardInput,
    StandardOutput: parameters.standardOutput,
    StandardError: parameters.standardError,
    CurrentDirectory: currentDirectory,
    ImagePathName: imagePath,
    CommandLine: commandLine,
    WindowTitle: windowTitle,
    DesktopInfo: desktop,
    ShellInfo: shell,
    // RuntimeData stays null: C runtimes take even an empty one for a list of open files.
    Environment: base + next,
    EnvironmentSize: environment.length,
  });
  process.memory.write(base, block.bytes);
  return base;
}

/** NAME=VALUE strings, ordered as Windows orders them, each with its zero, and one zero more. */
function environmentBlock(environment: Readonly<Record<string, string>>): Uint8Array {
  const names = Object.keys(environment).sort((a, b) => (a.toUpperCase() < b.toUpperCase() ? -1 : 1));
  return utf16(`${names.map((name) => `${name}=${environment[name]}\0`).join("")}\0`);
}

function utf16(text: string): Uint8Array {
  const bytes = new BytesMemory(text.length * 2);
  for (let i = 0; i < text.length; i++) bytes.writeUint16(i * 2, text.charCodeAt(i));
  return bytes.bytes;
}
