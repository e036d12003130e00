/** The package's `ring3`: a sandbox to be embedded. */
export { createCpu, TRANSLATE_AFTER } from "../../emulator/engine.ts";
export { ImageLayer, wholeContent } from "../../kernel-shim/boot/image.ts";
export { LoadError } from "../../kernel-shim/boot/load-error.ts";
export type { Layer } from "../../kernel-shim/io-manager/layer.ts";
export { MemoryLayer, MountedLayer } from "../../kernel-shim/io-manager/memory-layer.ts";
export type { SandboxExit } from "../sandbox/exit.ts";
export type { SandboxLimits, SandboxOptions } from "../sandbox/options.ts";
export { plainSnapshot, Sandbox } from "../sandbox/sandbox.ts";
export type { OutputPiece, SandboxSnapshot, SandboxStop } from "../sandbox/sandbox.ts";
