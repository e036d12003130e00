import { expect, test } from "vitest";
import type { Ring3Run, RunReport } from "../support/ring3.ts";
import { differences, type CorpusCase } from "./cases.ts";

const one: CorpusCase = {
  id: "copy",
  exe: "C:\\corpus\\wine\\cmd.exe",
  args: [],
  expect: { rc: 0, stdout: "done\r\n", files: { "d/c.txt": [3, "abc"], "C:/log.txt": null }, removed: ["old.txt"] },
};

const good: RunReport = {
  exit: { reason: "exited", status: 0, statusName: null },
  instructions: 1,
  virtualTimeMs: 0,
  wallTimeMs: 0,
  systemCalls: {},
  unimplemented: {},
  files: [
    { path: "C:\\w\\d\\c.txt", change: "created", size: 3, sha256: "abc" },
    { path: "C:\\log.txt", change: "created", size: 9, sha256: "def" },
    { path: "C:\\w\\old.txt", change: "deleted", size: 0, sha256: null },
  ],
  stdout: "done\r\n",
  stderr: "",
};

const ran = (report: Partial<RunReport>): Ring3Run => ({
  code: 0,
  report: { ...good, ...report },
  messages: "",
  seconds: 1,
});

test("a run that did what it should has no differences", () => {
  expect(differences(one, ran({}))).toEqual([]);
});

test("each thing that differs is told", () => {
  expect(differences(one, ran({ stdout: "dome\r\n" }))).toEqual([
    String.raw`stdout differs at 2: "me\r\n" instead of "ne\r\n"`,
  ]);
  expect(differences(one, ran({ exit: { reason: "exited", status: 3, statusName: null } }))).toEqual([
    "exit code 3 instead of 0",
  ]);
  const aborted = ran({ exit: { reason: "fault", status: 0xc0000409, statusName: "STATUS_STACK_BUFFER_OVERRUN" } });
  expect(differences(one, aborted)).toEqual(["exit code STATUS_STACK_BUFFER_OVERRUN instead of 0"]);
  expect(differences({ ...one, expect: { ...one.expect, rc: 9 } }, aborted)).toEqual([]);
  expect(differences(one, ran({ files: [] }))).toHaveLength(3);
  expect(differences(one, { ...ran({}), report: undefined, code: 125, messages: "ring3: no image\n" })).toEqual([
    "no report (exit code 125): ring3: no image",
  ]);
});

test("text that is an accident of the recording is not compared", () => {
  const noted = { ...one, expect: { ...one.expect, oracle_note: "machine name" } };
  expect(differences(noted, ran({ stdout: "other" }))).toEqual([]);
});
