/** Where libunicorn 2.0.1 is wrong, or free to differ, at level 1. docs/libunicorn.md explains; hardware is what decides. */
import type { Disagreement } from "./streams.ts";

interface KnownDifference {
  readonly reason: string;
  readonly mnemonic: RegExp;
  readonly text: RegExp;
  readonly when?: (text: string) => boolean;
}

export const knownDifferences: readonly KnownDifference[] = [
  {
    reason: "memory operands of 16 bytes may be misaligned",
    mnemonic: /./,
    text: /m128.*: #GP, theirs (budget|fault|#DB)/,
  },
  {
    reason: "REX counts though a legacy prefix follows",
    mnemonic: /./,
    text: /^((26|2e|36|3e|6[4-7]|f[023]|4.) )*4. (26|2e|36|3e|6[4-7]|f[023]) /,
  },
  {
    reason: "a branch and the fetch at its target are one",
    mnemonic: /^(RET|JMP|CALL|J\w+|LOOP\w*)$/,
    text: /: budget, theirs (fault execute|#GP)/,
  },
  { reason: "66 wins over F3 and F2", mnemonic: /./, text: /^((.. )*f[23] (.. )*66|(.. )*66 (.. )*f[23]) (4. )?0f / },
  { reason: "REX.R is part of an opcode's extension", mnemonic: /^MOV$/, text: /^(.. )*4[4-7c-f] c[67] .*theirs #UD/ },
  {
    reason: "what stores to its own page of code is begun again after a part",
    mnemonic: /./,
    text: /stored to code\]/,
  },
  { reason: "a store over the end of a page leaves its first part when it faults", mnemonic: /./, text: /: memory .*\[fault write/ }, // prettier-ignore
  { reason: "RCL and RCR set CF though their store faults", mnemonic: /^RC[LR]$/, text: /: flags .*\[fault write/ },
  { reason: "LOCK NEG has flags of the old value", mnemonic: /^NEG$/, text: /^(.. )*f0 .*: flags/ },
  { reason: "66 makes a near branch one of 16 bits", mnemonic: /^(J\w+|CALL|RET)$/, text: /^(.. )*66 .*: (RIP|RSP|memory|fault write)/ }, // prettier-ignore
  {
    reason: "a repeated comparison that faults has the flags of before: Intel's processors have, too, AMD's have not",
    mnemonic: /^(CMPS|SCAS)$/,
    text: /^(.. )*f[23] .*: flags .*\[(fault read|#GP)/,
  },
  { reason: "CLFLUSH does not look at memory", mnemonic: /^CLFLUSH$/, text: /: (#GP|fault).*theirs budget/ },
  { reason: "what RET releases is signed", mnemonic: /^RET$/, text: /^(.. )*c2 .*: RSP/ },
  { reason: "RIP is behind a CMPXCHG8B that faults", mnemonic: /^CMPXCHG8B$/, text: /: RIP .*\[fault/ },
  { reason: "INT n of an exception's number is told as the exception", mnemonic: /^INT$/, text: /: (interrupt|#GP).*, theirs #/ }, // prettier-ignore
  { reason: "INT1 is #UD", mnemonic: /^INT1$/, text: /: #DB, theirs #UD/ },
  { reason: "ENTER does not look at the new top of the stack", mnemonic: /^ENTER$/, text: /: fault write \w+, theirs budget/ }, // prettier-ignore
  { reason: "the second operand is read first", mnemonic: /^CMPS$/, text: /: (fault read|#GP).*, theirs (fault read|#GP)/ }, // prettier-ignore
  { reason: "the undocumented encoding F6 /1, F7 /1 is #UD", mnemonic: /^TEST$/, text: /\/1.*budget, theirs #UD/ },
  {
    reason: "predicates above 7 are #UD instead of being taken modulo 8",
    mnemonic: /^CMP[PS][SD]$/,
    text: /theirs #UD/,
  },
  { reason: "an access over the end of the canonical addresses faults at its first byte", mnemonic: /./, text: /: #GP, theirs fault \w+ 7fffffffff[ef][0-9a-f]\b/ }, // prettier-ignore
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
    text: /: R\w+ \w+, theirs/,
    when: lacksUpperHalf,
  },
  {
    reason: "BSF and BSR of 0 clear the upper half of a 32-bit destination",
    mnemonic: /^BS[FR]$/,
    text: /: R\w+ \w+, theirs/,
    when: lacksUpperHalf,
  },
  { reason: "I/O at a range of no bytes is not privileged", mnemonic: /^(INS|OUTS)$/, text: /: #GP, theirs budget/ },
  {
    reason: "of two NaNs the other one is chosen",
    mnemonic: /^(ADD|SUB|MUL|DIV)[PS][SD]$/,
    text: /: XMM/,
    when: differInNansOnly,
  },
];

function lacksUpperHalf(text: string): boolean {
  const match = /R\w+ (\w+), theirs (\w+)/.exec(text);
  return match !== null && BigInt(`0x${match[2]}`) === (BigInt(`0x${match[1]}`) & 0xffff_ffffn);
}

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

const isPrefix = (byte: number): boolean =>
  [0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3].includes(byte) || (byte & 0xf0) === 0x40;

/**
 * The first opcode in `code` whose translation aborts the process of libunicorn: far CALL and JMP of a register (FF /3, FF /5) and LOCK CMP to memory and LOCK CMPS.
 * -1 where there is none.
 */
export function fatalOffset(code: Uint8Array): number {
  for (let start = 0; start + 1 < code.length; start++) {
    if (code[start] !== 0xff && code[start] !== 0xf0) continue;
    let at = start;
    while (at + 2 < code.length && isPrefix(code[at])) at++;
    const [opcode, modrm] = code.subarray(at, at + 2);
    const extension = (modrm >> 3) & 7;
    const far = opcode === 0xff && modrm >= 0xc0 && (extension === 3 || extension === 5);
    const compare = opcode === 0x38 || opcode === 0x39 || ([0x80, 0x81, 0x83].includes(opcode) && extension === 7);
    const strings = opcode === 0xa6 || opcode === 0xa7;
    if (far || (code[start] === 0xf0 && (strings || (compare && modrm < 0xc0)))) return at;
  }
  return -1;
}
