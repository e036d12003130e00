import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** What a .deb says of itself in its control file. */
export interface PackageControl {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
}

/** A .deb: an ar archive with control.tar.* and data.tar.* in it. Unpacked with the host's tar, which decompresses xz, zstd and gzip. */
export class DebianPackage {
  readonly file: string;
  readonly control: PackageControl;
  readonly #members: ReadonlyMap<string, Buffer>;

  constructor(file: string) {
    this.file = file;
    this.#members = readArchive(readFileSync(file));
    this.control = parseControl(this.#tar("control.tar", ["-xO", "./control"]).toString("utf8"));
  }

  /** Paths of the package's files, as `usr/share/…`. */
  list(): string[] {
    const names = this.#tar("data.tar", ["-t"]).toString("utf8").split("\n");
    return names.filter((name) => name !== "" && !name.endsWith("/")).map((name) => name.replace(/^\.\//, ""));
  }

  /** Unpacks these paths (as `list` gives them) below a directory. */
  extract(paths: readonly string[], directory: string): void {
    if (paths.length > 0) this.#tar("data.tar", ["-x", "-C", directory, ...paths.map((path) => `./${path}`)]);
  }

  #tar(prefix: string, args: string[]): Buffer {
    const found = [...this.#members].find(([name]) => name === prefix || name.startsWith(`${prefix}.`));
    if (!found) throw new Error(`${this.file} has no ${prefix}: not a Debian package`);
    const [name, input] = found;
    const decompress = { ".xz": "--xz", ".zst": "--zstd", ".gz": "--gzip" }[name.slice(prefix.length)];
    // Without -f the archive would be $TAPE or a tape drive; "-" is standard input.
    const options = ["-f", "-", ...(decompress === undefined ? [] : [decompress])];
    const { error, status, stdout, stderr } = spawnSync("tar", [...args.slice(0, 1), ...options, ...args.slice(1)], {
      input,
      maxBuffer: 1 << 28,
    });
    if (error) throw new Error(`tar is needed to unpack ${this.file}: ${error.message}`);
    if (status !== 0)
      throw new Error(
        `tar cannot unpack ${name} of ${this.file} (is xz installed?): ${stderr.toString("utf8").trim()}`,
      );
    return stdout;
  }
}

/** Downloads the candidate version of a package into the working directory of apt; needs no root. Returns false where there is no apt. */
export function aptDownload(name: string, directory: string): boolean {
  const { error, status, stderr } = spawnSync("apt-get", ["download", name], { cwd: directory, encoding: "utf8" });
  if (error) return false;
  if (status !== 0) throw new Error(`apt-get download ${name} failed: ${stderr.trim()}`);
  return true;
}

/** Whether a package is the one that is wanted or a Debian point release of it (8.0~repack-4 → 8.0~repack-4+deb12u1). */
export function isRevisionOf(version: string, wanted: string): boolean {
  return (
    version === wanted || /^(\+deb\d|\.\d|~bpo)/.test(version.startsWith(wanted) ? version.slice(wanted.length) : "")
  );
}

function parseControl(text: string): PackageControl {
  const field = (name: string) => new RegExp(`^${name}: *(.*)$`, "m").exec(text)?.[1]?.trim() ?? "";
  return { name: field("Package"), version: field("Version"), architecture: field("Architecture") };
}

/** System V ar: "!<arch>\n", then members with a 60-byte text header each, at even offsets. */
export function readArchive(bytes: Buffer): Map<string, Buffer> {
  if (bytes.toString("latin1", 0, 8) !== "!<arch>\n") throw new Error("not an ar archive (a .deb is one)");
  const members = new Map<string, Buffer>();
  for (let at = 8; at + 60 <= bytes.length;) {
    const name = bytes
      .toString("latin1", at, at + 16)
      .trim()
      .replace(/\/$/, "");
    const size = Number(bytes.toString("latin1", at + 48, at + 58));
    const start = at + 60;
    if (!Number.isSafeInteger(size) || start + size > bytes.length)
      throw new Error(`member ${name} of the ar archive is cut off`);
    members.set(name, bytes.subarray(start, start + size));
    at = start + size + (size & 1);
  }
  return members;
}
