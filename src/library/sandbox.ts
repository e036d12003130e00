/** The package's `ring3`: a sandbox to be embedded. docs/library.md. */
export type { CpuOptions } from "../../emulator/cpu.ts";
export { TRANSLATE_AFTER } from "../../emulator/engine.ts";
export type { ImageManifest } from "../../kernel-shim/boot/image.ts";
export { ImageLayer, wholeContent } from "../../kernel-shim/boot/image.ts";
export { LoadError } from "../../kernel-shim/boot/load-error.ts";
export type { Layer } from "../../kernel-shim/io-manager/layer.ts";
export { MemoryLayer, MountedLayer } from "../../kernel-shim/io-manager/memory-layer.ts";
export type { SandboxExit } from "../sandbox/exit.ts";
export type { SandboxLimits, SandboxOptions } from "../sandbox/options.ts";
export { plainSnapshot, Sandbox } from "../sandbox/sandbox.ts";
export type { OutputPiece, SandboxSnapshot, SandboxStop } from "../sandbox/sandbox.ts";
export type { TraceColumns } from "../sandbox/trace/columns.ts";
export { detailOf, rowOf } from "../sandbox/trace/render.ts";
export { traceHeader, traceLine, type TraceFormat } from "../sandbox/trace/sinks.ts";
export type { TraceDetail, TraceRow } from "../sandbox/trace/view.ts";
export { createWindowsCpu as createCpu } from "../sandbox/windows-cpu.ts";
