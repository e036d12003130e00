/** Where our decoder and Capstone say different things, and why. */

interface Named {
  readonly mnemonic: string;
  readonly length: number;
}
export interface Disagreement {
  readonly bytes: Uint8Array;
  /** Undefined: no instruction. */
  readonly ours: Named | undefined;
  readonly theirs: Named | undefined;
}

interface KnownDifference {
  readonly reason: string;
  applies(disagreement: Disagreement): boolean;
}

/** Names of one instruction of equal length. */
const named =
  (same: (ours: string, theirs: string) => boolean): KnownDifference["applies"] =>
  ({ ours, theirs }) =>
    ours !== undefined && theirs !== undefined && ours.length === theirs.length && same(ours.mnemonic, theirs.mnemonic);

/** Ours alone has it: an encoding that Capstone's tables lack. */
const unknownToCapstone =
  (mnemonics: RegExp, test: (bytes: Uint8Array) => boolean = () => true): KnownDifference["applies"] =>
  ({ bytes, ours, theirs }) =>
    ours !== undefined && theirs === undefined && mnemonics.test(ours.mnemonic) && test(bytes);

/** Without legacy prefixes and REX. */
function opcodeBytes(bytes: Uint8Array): Uint8Array {
  const start = bytes.findIndex((byte) => ![0x66, 0x67, 0xf2, 0xf3, 0xf0, 0x2e, 0x36, 0x3e, 0x26, 0x64, 0x65].includes(byte) && (byte & 0xf0) !== 0x40); // prettier-ignore
  return bytes.subarray(Math.max(0, start));
}
const isVexW1 = (bytes: Uint8Array): boolean => bytes[0] === 0xc4 && (bytes[2] & 0x80) !== 0;

const otherNames: Readonly<Record<string, RegExp>> = {
  PREFETCH: /^PREFETCH(NTA|T0|T1|T2|W|WT1)$/,
  JMPF: /^L?JMP$/,
  CALLF: /^L?CALL$/,
  XLAT: /^XLATB$/,
  FNDISI: /^FDISI8087_NOP$/,
  FNENI: /^FENI8087_NOP$/,
  FNSETPM: /^FSETPM$/,
  PAUSE: /^XCHG$/,
  NOP: /^(BND|CLDEMOTE)/,
};

const knownDifferences: readonly KnownDifference[] = [
  {
    reason: "Capstone names MOV with 64 bits of immediate or address after the AT&T syntax",
    applies: named((ours, theirs) => ours === "MOV" && theirs === "MOVABS"),
  },
  {
    reason: "Capstone puts the width of a string instruction into its name",
    applies: named((ours, theirs) => /^(MOVS|STOS|LODS|CMPS|SCAS|INS|OUTS)$/.test(ours) && new RegExp(`^${ours}[BWDQ]$`).test(theirs)), // prettier-ignore
  },
  {
    reason: "Capstone puts the operand size into the name",
    applies: named((ours, theirs) => new RegExp(`^${ours}(64|Q|D|W)$`).test(theirs)),
  },
  {
    reason: "Capstone has the old names of two x87 comparisons",
    applies: named((ours, theirs) => /^FU?COMIP$/.test(ours) && theirs === ours.replace("COMIP", "COMPI")),
  },
  {
    reason: "Capstone puts the predicate of a comparison into its name",
    applies: named((ours, theirs) => /^V?CMP[PS][SD]$/.test(ours) && new RegExp(`^${ours.slice(0, -2)}[A-Z_0-9]+${ours.slice(-2)}$`).test(theirs)), // prettier-ignore
  },
  {
    reason:
      "another name: hints by their level, far jumps and calls, MPX and CLDEMOTE, which are NOP where they are not offered, F3 90 with REX.W",
    applies: named((ours, theirs) => otherNames[ours]?.test(theirs) ?? false),
  },
  {
    reason: "Capstone decodes UD0 and UD1 without the ModRM byte that processors fetch",
    applies: ({ ours, theirs }) =>
      ours !== undefined && /^UD[01]$/.test(ours.mnemonic) && (!theirs || theirs.mnemonic === ours.mnemonic),
  },
  {
    reason: "hint space 0F 0D and 0F 18 to 0F 1F, of which Capstone knows the assigned part",
    applies: unknownToCapstone(/^(PREFETCH|NOP)$/, (bytes) => {
      const [first, second] = opcodeBytes(bytes);
      return first === 0x0f && (second === 0x0d || (second >= 0x18 && second <= 0x1f));
    }),
  },
  {
    reason: "fences ignore ModRM.rm (SDM, LFENCE: 0F AE /5); Capstone knows rm = 0 only",
    applies: unknownToCapstone(/^[LMS]FENCE$/),
  },
  {
    reason: "MOVSXD with 66 moves 16 bits (SDM: 63 /r); Capstone lacks it",
    applies: unknownToCapstone(/^MOVSXD$/),
  },
  {
    reason: "the SDM ignores VEX.W here (WIG); Capstone wants 0",
    applies: unknownToCapstone(/^V(PACKUSDW|PHSUBD|PCMP[EI]STR[IM]|PEXTR[BW]|PINSR[BW])$/, isVexW1),
  },
  {
    reason: "second encodings of x87 instructions, which processors execute and Capstone lacks",
    applies: unknownToCapstone(/^(FCOMP?|FSTP|FXCH)$/, (bytes) =>
      [0xdc, 0xdd, 0xde, 0xdf].includes(opcodeBytes(bytes)[0]),
    ),
  },
  {
    reason: "a gather whose destination, mask and index are not three registers raises #UD",
    applies: ({ ours, theirs }) => ours === undefined && /^VP?GATHER/.test(theirs?.mnemonic ?? ""),
  },
];

export function reasonFor(disagreement: Disagreement): string | undefined {
  return knownDifferences.find(({ applies }) => applies(disagreement))?.reason;
}
