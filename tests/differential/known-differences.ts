/** Where libunicorn 2.0.1 is wrong, or free to differ, at level 1. docs/libunicorn.md explains; hardware is what decides. */
import type { Disagreement } from "./streams.ts";

interface KnownDifference {
  readonly reason: string;
  readonly mnemonic: RegExp;
  readonly text: RegExp;
  readonly when?: (text: string) => boolean;
}

export const knownDifferences: readonly KnownDifference[] = [
  { reason: "memory operands of 16 bytes may be misaligned", mnemonic: /./, text: /m128.*: #GP, theirs budget/ },
  { reason: "the undocumented encoding F6 /1, F7 /1 is #UD", mnemonic: /^TEST$/, text: /\/1.*budget, theirs #UD/ },
  {
    reason: "predicates above 7 are #UD instead of being taken modulo 8",
    mnemonic: /^CMP[PS][SD]$/,
    text: /theirs #UD/,
  },
  { reason: "memory is looked at before the privilege of I/O", mnemonic: /^(INS|OUTS)$/, text: /: #GP, theirs fault/ },
  { reason: "#UD instead of #GP", mnemonic: /^(RDPMC|SYSRET)$/, text: /: #GP, theirs #UD/ },
  { reason: "#GP instead of #UD for control and debug registers that are none", mnemonic: /^MOV$/, text: /0F 2[0-3] .*: #UD, theirs #GP/ }, // prettier-ignore
  { reason: "RIP moves 5 bytes too far", mnemonic: /^MASKMOVDQU$/, text: /./ },
  { reason: "exact results instead of approximations", mnemonic: /^(RCP|RSQRT)[PS]S$/, text: /: XMM/ },
  {
    reason: "the first access to an unmapped page is told as a read",
    mnemonic: /./,
    text: /: fault write (\w+), theirs fault read \1/,
  },
  { reason: "BSWAP of 16 bits, which is undefined, keeps the bytes", mnemonic: /^BSWAP$/, text: /^66 / },
  { reason: "reserved NOPs with register operands are #UD", mnemonic: /^NOP$/, text: /0F 18 .*theirs #UD/ },
  {
    reason: "a CMPXCHG of 32 bits that fails clears the upper half of its destination",
    mnemonic: /^CMPXCHG$/,
    text: /: R\w+ (\w+)(\w{8}), theirs 0*\2/,
  },
  {
    reason: "BSF and BSR of 0 clear the upper half of a 32-bit destination",
    mnemonic: /^BS[FR]$/,
    text: /: R\w+ (\w+)(\w{8}), theirs 0*\2/,
  },
  { reason: "I/O at a range of no bytes is not privileged", mnemonic: /^(INS|OUTS)$/, text: /: #GP, theirs budget/ },
  {
    reason: "of two NaNs the other one is chosen",
    mnemonic: /^(ADD|SUB|MUL|DIV)[PS][SD]$/,
    text: /: XMM/,
    when: differInNansOnly,
  },
];

/** Whether the lanes in which two registers differ hold NaNs on both sides. */
function differInNansOnly(text: string): boolean {
  const match = /XMM\d+ (\w{32}), theirs (\w{32})/.exec(text);
  if (!match) return false;
  const [ours, theirs] = [match[1], match[2]].map(
    (digits) => new DataView(Uint8Array.from(digits.match(/../g) ?? [], (byte) => parseInt(byte, 16)).buffer),
  );
  const lanes = (size: number, read: (view: DataView, at: number) => number): boolean => {
    for (let at = 0; at < 16; at += size) {
      const bytes = (view: DataView): string => String(new Uint8Array(view.buffer, at, size));
      if (bytes(ours) !== bytes(theirs) && !(Number.isNaN(read(ours, at)) && Number.isNaN(read(theirs, at))))
        return false;
    }
    return true;
  };
  return lanes(4, (view, at) => view.getFloat32(at, true)) || lanes(8, (view, at) => view.getFloat64(at, true));
}

export function explained({ mnemonic, text }: Disagreement): KnownDifference | undefined {
  return knownDifferences.find(
    (known) => known.mnemonic.test(mnemonic) && known.text.test(text) && (known.when?.(text) ?? true),
  );
}
