/** The package ships declarations that its own exports map hides. What is used of it. */
declare module "capstone-wasm" {
  export interface Instruction {
    readonly address: number | bigint;
    readonly size: number;
    readonly bytes: Uint8Array | readonly number[];
    readonly mnemonic: string;
    readonly opStr: string;
  }
  export class Capstone {
    constructor(arch: number, mode: number);
    setOption(option: number, value: number): number;
    disasm(
      data: Uint8Array,
      options?: { readonly address?: number | bigint; readonly count?: number },
    ): readonly Instruction[];
    close(): void;
  }
  export const Const: { readonly CS_ARCH_X86: number; readonly CS_MODE_64: number };
  export function loadCapstone(args?: Readonly<Record<string, unknown>>): Promise<void>;
}
