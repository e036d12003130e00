import type { CrashView } from "../../src/worker/interface.ts";

const names = [
  "rax",
  "rbx",
  "rcx",
  "rdx",
  "rsi",
  "rdi",
  "rbp",
  "rsp",
  "r8",
  "r9",
  "r10",
  "r11",
  "r12",
  "r13",
  "r14",
  "r15",
  "rip",
  "rflags",
];

export const crash: CrashView = {
  title: "Access violation writing 0x0000000000000010",
  location: "crash.exe+0x1496",
  registers: names.map((name, index) => ({
    name,
    value: `0x${(index * 0x1234_5678_9a).toString(16).padStart(16, "0")}`,
  })),
  disassembly: [
    { address: "0x140001489", bytes: "55", text: "push rbp", current: false },
    { address: "0x14000148a", bytes: "48 89 e5", text: "mov rbp,rsp", current: false },
    { address: "0x14000148d", bytes: "48 c7 c0 10 00 00 00", text: "mov rax,10h", current: false },
    { address: "0x140001496", bytes: "c7 00 2a 00 00 00", text: "mov dword ptr [rax],2Ah", current: true },
    { address: "0x14000149c", bytes: "31 c0", text: "xor eax,eax", current: false },
    { address: "0x14000149e", bytes: "5d", text: "pop rbp", current: false },
    { address: "0x14000149f", bytes: "c3", text: "ret", current: false },
  ],
  stack: Array.from({ length: 8 }, (_, index) => ({
    address: `0x${(0x14fd00 + index * 8).toString(16).padStart(12, "0")}`,
    value: `0x${(index * 0x7ff0_1234).toString(16).padStart(16, "0")}`,
    symbol: index % 3 === 0 ? "crash.exe+0x13b4" : index % 3 === 1 ? "kernel32.dll!BaseThreadInitThunk+0x14" : "",
  })),
};
