import { expect, test } from "vitest";
import { Context } from "../context.ts";
import { errorCodes, failure, strerror } from "./errors.ts";
import { registerConstants, registerOf } from "./registers.ts";

const write = (context: Context, name: string, ...bytes: number[]): void => {
  const register = registerOf(registerConstants[`X86_REG_${name}`]);
  const value = new Uint8Array(register?.size ?? 0);
  value.set(bytes);
  register?.write(context, value);
};
const read = (context: Context, name: string): number[] => [
  ...(registerOf(registerConstants[`X86_REG_${name}`])?.read(context) ?? []),
];

test("parts of a register are where the processor has them", () => {
  const context = new Context();
  write(context, "RAX", 1, 2, 3, 4, 5, 6, 7, 8);
  expect(read(context, "AL")).toEqual([1]);
  expect(read(context, "AH")).toEqual([2]);
  expect(read(context, "AX")).toEqual([1, 2]);
  write(context, "EAX", 9, 9, 9, 9);
  expect(context.get(0)).toBe(0x0807_0605_0909_0909n);
  write(context, "R15D", 1);
  expect(context.get(15)).toBe(1n);
});

test("each number names one register, and each context byte survives", () => {
  const ids = Object.values(registerConstants);
  expect(new Set(ids).size).toBe(ids.length);
  for (const [name, id] of Object.entries(registerConstants)) {
    if (name.endsWith("FLAGS") || !registerOf(id)) continue;
    const context = new Context();
    const value = Array.from({ length: registerOf(id)?.size ?? 0 }, (_, index) => 0x11 + index);
    write(context, name.replace("X86_REG_", ""), ...value);
    expect(read(context, name.replace("X86_REG_", "")), name).toEqual(value);
  }
});

test("ST counts from the top of the stack, FP does not", () => {
  const context = new Context();
  write(context, "FPSW", 0, 3 << 3);
  write(context, "ST1", 42);
  expect(read(context, "FP4")[0]).toBe(42);
});

test("flags are composed and taken apart", () => {
  const context = new Context();
  write(context, "RFLAGS", 0xd7, 0x0a);
  expect(read(context, "EFLAGS").slice(0, 2)).toEqual([0xd7, 0x0a]);
  write(context, "FLAGS", 0x02, 0x00);
  expect(context.rflags).toBe(2);
});

test("errors read as unicorn.js throws them", () => {
  expect(failure("uc_mem_read", errorCodes.ERR_READ_UNMAPPED)).toBe(
    "Unicorn.js: Function uc_mem_read failed with code 6:\nInvalid memory read (UC_ERR_READ_UNMAPPED)",
  );
  expect(errorCodes.ERR_OVERFLOW).toBe(22);
  expect([strerror(19), strerror(23), strerror(-1)]).toEqual(Array.from({ length: 3 }, () => "Unknown error code"));
});
