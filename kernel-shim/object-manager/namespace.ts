import { ntstatus } from "../abi/ntstatus.ts";
import { stateClass } from "../executive/state.ts";
import { ObjectDirectory, SymbolicLink } from "./directory.ts";
import type { KernelObject, ParseRequest, ParseResult } from "./kernel-object.ts";

/** Substitutions after which a chain of symbolic links is taken for a circle. */
const MAXIMUM_REPARSES = 32;

/** Where a walk ended: at an object, or in a directory that lacks only the last component. */
export type LookupResult = ParseResult | { readonly missing: string; readonly parent: ObjectDirectory };

/** The object namespace of one silo. */
export class ObjectNamespace {
  readonly root: ObjectDirectory;
  constructor() {
    this.root = new ObjectDirectory();
    this.root.name = "\\";
    for (const path of [
      "\\??",
      "\\Device",
      "\\KnownDlls",
      "\\BaseNamedObjects",
      "\\Sessions",
      "\\Windows",
      "\\ObjectTypes",
    ]) {
      this.makeDirectory(path);
    }
    this.link("\\DosDevices", "\\??");
    this.link("\\GLOBAL??", "\\??");
    this.link("\\??\\GLOBALROOT", "");
    this.link("\\??\\Global", "\\??");
    this.makeDirectory("\\Sessions\\1");
    this.makeDirectory("\\Sessions\\1\\Windows");
    this.makeDirectory("\\Sessions\\1\\BaseNamedObjects");
    this.makeDirectory("\\Sessions\\BNOLINKS");
    this.link("\\Sessions\\BNOLINKS\\0", "\\BaseNamedObjects");
    this.link("\\Sessions\\BNOLINKS\\1", "\\Sessions\\1\\BaseNamedObjects");
    // Session 0 and the one in which programs run: each sees the other through these.
    for (const names of ["\\BaseNamedObjects", "\\Sessions\\1\\BaseNamedObjects"]) {
      this.link(`${names}\\Global`, "\\BaseNamedObjects");
      this.link(`${names}\\Local`, names);
      this.link(`${names}\\Session`, "\\Sessions\\BNOLINKS");
    }
  }

  /** Puts `object` at `path`; the directory must exist. For the kernel's own objects at boot. */
  insert(path: string, object: KernelObject): void {
    const at = path.lastIndexOf("\\");
    const parent = at === 0 ? this.root : this.directoryAt(path.slice(0, at));
    object.permanent = true;
    parent.insert(path.slice(at + 1), object);
  }
  link(path: string, target: string): void {
    this.insert(path, new SymbolicLink(target));
  }
  makeDirectory(path: string): ObjectDirectory {
    const directory = new ObjectDirectory();
    this.insert(path, directory);
    return directory;
  }
  private directoryAt(path: string): ObjectDirectory {
    let directory: KernelObject | undefined = this.root;
    for (const part of path.split("\\").slice(1)) {
      directory = directory instanceof ObjectDirectory ? directory.get(part) : undefined;
    }
    if (!(directory instanceof ObjectDirectory)) throw new Error(`no object directory ${path}`);
    return directory;
  }

  /**
   * Walks `path` from `start` (a RootDirectory) or, where that is undefined, from the root. With `openLink` a symbolic link that
   * is the last component is the result itself.
   */
  lookup(path: string, start: KernelObject | undefined, request: ParseRequest, openLink = false): LookupResult {
    let current: KernelObject = start ?? this.root;
    let rest = path;
    if (start === undefined) {
      if (!path.startsWith("\\"))
        return { status: path === "" ? ntstatus.STATUS_OBJECT_NAME_INVALID : ntstatus.STATUS_OBJECT_PATH_SYNTAX_BAD };
      rest = path.slice(1);
    } else if (start.parse === undefined && path.startsWith("\\")) {
      return { status: ntstatus.STATUS_OBJECT_PATH_SYNTAX_BAD };
    }
    let reparses = 0;
    const restart = (target: string): boolean => {
      current = this.root;
      rest = target.replace(/^\\/, "");
      return ++reparses <= MAXIMUM_REPARSES;
    };
    for (;;) {
      if (current.parse !== undefined) {
        const result: ParseResult = current.parse(rest, request);
        if (!("reparse" in result)) return result;
        if (!restart(result.reparse)) return { status: ntstatus.STATUS_OBJECT_PATH_INVALID };
        continue;
      }
      if (current instanceof SymbolicLink && !(openLink && rest === "")) {
        if (!restart(rest === "" || rest.startsWith("\\") ? current.target + rest : `${current.target}\\${rest}`)) {
          return { status: ntstatus.STATUS_OBJECT_PATH_INVALID };
        }
        continue;
      }
      if (rest === "") return { object: current };
      if (!(current instanceof ObjectDirectory)) {
        // A name below an object that holds no names.
        return {
          status: current === start ? ntstatus.STATUS_OBJECT_TYPE_MISMATCH : ntstatus.STATUS_OBJECT_PATH_NOT_FOUND,
        };
      }
      const separator = rest.indexOf("\\");
      const component = separator < 0 ? rest : rest.slice(0, separator);
      if (component === "") return { status: ntstatus.STATUS_OBJECT_NAME_INVALID };
      const next: KernelObject | undefined = current.get(component, request.caseSensitive);
      if (next === undefined) {
        return separator < 0
          ? { missing: component, parent: current }
          : { status: ntstatus.STATUS_OBJECT_PATH_NOT_FOUND };
      }
      // What a device or key parses keeps its leading backslash, also behind a link: `\` opens the root directory, nothing opens the device.
      if (separator === rest.length - 1 && next instanceof ObjectDirectory)
        return { status: ntstatus.STATUS_OBJECT_NAME_INVALID };
      const keepsSeparator = next.parse !== undefined || next instanceof SymbolicLink;
      rest = separator < 0 ? "" : rest.slice(keepsSeparator ? separator : separator + 1);
      current = next;
    }
  }
}
stateClass("ObjectNamespace", ObjectNamespace);
