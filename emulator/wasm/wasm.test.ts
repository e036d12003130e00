import { expect, test } from "vitest";
import { ModuleBuilder } from "./module-builder.ts";
import { opcodes } from "./opcodes.ts";

test("a module with a loop, a local and a 64-bit constant computes", () => {
  const module = new ModuleBuilder();
  const { builder: f } = module.function(["i64"], ["i64"], "sum");
  const sum = f.local("i64");
  f.i64(-0x1234_5678_9abc_def0n).set(sum);
  const loop = f.loop();
  f.get(sum).get(0).op("i64.add").set(sum);
  f.get(0).i64(1n).op("i64.sub").tee(0).op("i64.eqz").op("i32.eqz").brIf(loop);
  f.end();
  f.get(sum);
  const instance = new WebAssembly.Instance(new WebAssembly.Module(module.finish()));
  expect((instance.exports["sum"] as (n: bigint) => bigint)(10n)).toBe(-0x1234_5678_9abc_def0n + 55n);
});

test("the engine's host accepts every opcode with the declared operand and result types", () => {
  const zeroes = { i32: [0x41, 0], i64: [0x42, 0], f32: [0x43, 0, 0, 0, 0], f64: [0x44, 0, 0, 0, 0, 0, 0, 0, 0] };
  for (const op of opcodes.values()) {
    const module = new ModuleBuilder();
    module.importMemory("e", "m", 1, 1);
    const { builder: f } = module.function([], op.result ? [op.result] : [], "f");
    for (const type of op.params) {
      if (type === "v128") f.v128(new Uint8Array(16));
      else f.code.bytes(zeroes[type]);
    }
    if (op.immediate === "memory") f.memory(op.name);
    else if (op.immediate === "memoryLane") f.memoryLane(op.name, 0);
    else if (op.immediate === "lane") f.lane(op.name, 0);
    else if (op.immediate === "shuffle") f.shuffle(new Uint8Array(16));
    else f.op(op.name);
    expect(() => new WebAssembly.Module(module.finish()), op.name).not.toThrow();
  }
});
