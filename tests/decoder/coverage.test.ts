/** What the engine declares, beside a list that does not come from it. */
import { expect, test } from "vitest";
import { instructions } from "../../emulator/isa/index.ts";
import { userModeMnemonics } from "./x86-64-v3.ts";

const executed = new Set(
  instructions.filter(({ definition }) => !definition.unimplemented).map(({ mnemonic }) => mnemonic),
);

test("every user-mode instruction of x86-64-v3, AES, PCLMULQDQ and SHA is executed", () => {
  expect([...userModeMnemonics].filter((mnemonic) => !executed.has(mnemonic))).toEqual([]);
});

/** Executed, and no part of what is promised. */
const beyond: Readonly<Record<string, readonly string[]>> = {
  "privileged, or asks for privilege: raises #GP or #UD": [
    ..."CLI STI HLT IN INS OUT OUTS CLTS INVD INVLPG LGDT LIDT LLDT LMSW LTR RDMSR RDPMC SWAPGS SYSRET WBINVD WRMSR XSETBV".split(
      " ",
    ),
    ..."SYSENTER SYSEXIT XSAVES XRSTORS".split(" "),
  ],
  "offered beyond the level": "XSAVEC XSAVEOPT RDFSBASE RDGSBASE WRFSBASE WRGSBASE CLFLUSHOPT CLWB RDPID".split(" "),
  "undocumented, as processors have it": "FFREEP FNDISI FNENI FNSETPM FSTPNCE".split(" "),
};

test("what is executed besides has a reason", () => {
  const reasons = new Set(Object.values(beyond).flat());
  expect([...executed].filter((mnemonic) => !userModeMnemonics.has(mnemonic) && !reasons.has(mnemonic))).toEqual([]);
});
