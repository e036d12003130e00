import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { root, type Ring3Run } from "../support/ring3.ts";

export const corpus = join(root, "..", "shared", "corpus");

export const corpusMissing = (): string | undefined =>
  existsSync(join(corpus, "cases.json")) ? undefined : `there is no ${corpus}`;

/** A run of a real program and what it did under Wine. */
export interface CorpusCase {
  readonly id: string;
  /** Guest path. */
  readonly exe: string;
  readonly args: readonly string[];
  /** Standard input: a file of the corpus's data, or a text. */
  readonly stdin?: string;
  readonly input?: string;
  /** Seconds. */
  readonly timeout?: number;
  readonly expect: {
    readonly rc: number;
    readonly stdout: string;
    /** By path, relative to C:\w or absolute with slashes; null: must exist, its bytes vary. */
    readonly files?: Readonly<Record<string, readonly [size: number, sha256: string] | null>>;
    readonly removed?: readonly string[];
    /** False: the text varies from run to run. */
    readonly deterministic?: boolean;
    /** The text is an accident of the machine that recorded it. */
    readonly oracle_note?: string;
  };
}

/** Those whose id begins like one of `wanted`; all where nothing is wanted. */
export function readCases(wanted: readonly string[]): CorpusCase[] {
  const all = JSON.parse(readFileSync(join(corpus, "cases.json"), "utf8")) as CorpusCase[];
  return all.filter(({ id }) => wanted.length === 0 || wanted.some((start) => id.startsWith(start)));
}

/** The folder below C:\corpus, or "tc". */
export function folderOf({ exe }: CorpusCase): string {
  const [, first, second] = exe.split("\\");
  return first === "tc" ? "tc" : second;
}

/** What differs from the expectation; empty where the case passes. */
export function differences({ expect }: CorpusCase, { code, report, messages }: Ring3Run): string[] {
  if (!report) return [`no report (exit code ${code}): ${firstLine(messages)}`];
  const found: string[] = [];
  const { reason, status, statusName } = report.exit;
  // A recorded code is the low byte of a status, also of an exception's that nobody handled.
  if (reason !== "exited" && reason !== "fault")
    found.push(`ended by ${reason} ${statusName ?? ""} ${firstLine(messages)}`.trim());
  else if ((status & 0xff) !== (expect.rc & 0xff)) {
    found.push(`exit code ${statusName ?? status} instead of ${expect.rc} ${firstLine(messages)}`.trim());
  }
  const comparesText = expect.deterministic !== false && expect.oracle_note === undefined;
  if (comparesText && report.stdout !== expect.stdout) found.push(textDifference(report.stdout, expect.stdout));
  const files = new Map(report.files.map((file) => [file.path.toLowerCase(), file]));
  for (const [path, wanted] of Object.entries(expect.files ?? {})) {
    const file = files.get(guestPath(path));
    if (!file || file.change === "deleted") found.push(`${path} was not written`);
    else if (wanted && (file.size !== wanted[0] || file.sha256 !== wanted[1])) {
      found.push(
        `${path} has ${file.size} bytes ${file.size === wanted[0] ? "of another content" : `instead of ${wanted[0]}`}`,
      );
    }
  }
  for (const path of expect.removed ?? []) {
    const gone = report.files.some((file) => file.change === "deleted" && file.path.toLowerCase() === guestPath(path));
    if (!gone) found.push(`${path} was not removed`);
  }
  return found;
}

function guestPath(path: string): string {
  const backslashes = path.replaceAll("/", "\\").toLowerCase();
  return /^[a-z]:\\/.test(backslashes) ? backslashes : `c:\\w\\${backslashes}`;
}

function textDifference(got: string, wanted: string): string {
  let at = 0;
  while (at < got.length && got[at] === wanted[at]) at++;
  const piece = (text: string) => JSON.stringify(text.slice(at, at + 30));
  return `stdout differs at ${at}: ${piece(got)} instead of ${piece(wanted)}`;
}

function firstLine(text: string): string {
  return text.trim().split("\n", 1)[0] ?? "";
}
