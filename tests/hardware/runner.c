/*
 * Runs single instructions on the host's processor. Reads records from stdin, each a processor state, a memory window and up to
 * 16 instruction bytes; writes for each the state after, and the signal that ended it, if any. The layout is `hardware.ts`'s.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

/* Fixed low addresses, so that the thunks below reach them without a base register. */
#define STATE 0x10000000
#define WINDOW_PAGE 0x20000000
#define WINDOW_SIZE 1024
#define PAGE_SIZE 4096
#define CODE_PAGE 0x30000000
#define CODE_OFFSET 0x800
#define INT3 0xcc

struct state {
  uint64_t gpr[16];
  uint64_t rflags, host_rsp, code, padding[5];
  uint8_t xsave[832];
};
struct input {
  struct state state;
  uint8_t window[WINDOW_SIZE];
  uint8_t code[16];
  /* What the two pages permit, and where on them the window begins. */
  uint8_t code_length, first, second;
  uint32_t window_offset;
};
struct output {
  struct state state;
  uint8_t window[WINDOW_SIZE];
  uint8_t signal, vector;
  uint16_t error_code;
  uint64_t address, rip;
};
_Static_assert(sizeof(struct state) == 1024 && sizeof(struct input) == sizeof(struct output), "layout");

void run(void);
void leave(void);
__asm__(
    ".intel_syntax noprefix\n"
    ".globl run, leave\n"
    "run:\n"
    "  push rbx; push rbp; push r12; push r13; push r14; push r15\n"
    "  mov [0x10000088], rsp\n"
    "  mov eax, 7; xor edx, edx; xrstor [0x100000c0]\n"
    "  push qword ptr [0x10000080]; popfq\n"
    "  mov rax, [0x10000000]; mov rcx, [0x10000008]; mov rdx, [0x10000010]; mov rbx, [0x10000018]\n"
    "  mov rsp, [0x10000020]; mov rbp, [0x10000028]; mov rsi, [0x10000030]; mov rdi, [0x10000038]\n"
    "  mov r8, [0x10000040]; mov r9, [0x10000048]; mov r10, [0x10000050]; mov r11, [0x10000058]\n"
    "  mov r12, [0x10000060]; mov r13, [0x10000068]; mov r14, [0x10000070]; mov r15, [0x10000078]\n"
    "  jmp [0x10000090]\n"
    "leave:\n"
    "  mov [0x10000000], rax; mov [0x10000008], rcx; mov [0x10000010], rdx; mov [0x10000018], rbx\n"
    "  mov [0x10000020], rsp; mov [0x10000028], rbp; mov [0x10000030], rsi; mov [0x10000038], rdi\n"
    "  mov [0x10000040], r8; mov [0x10000048], r9; mov [0x10000050], r10; mov [0x10000058], r11\n"
    "  mov [0x10000060], r12; mov [0x10000068], r13; mov [0x10000070], r14; mov [0x10000078], r15\n"
    "  mov rsp, [0x10000088]\n"
    "  pushfq; pop qword ptr [0x10000080]\n"
    "  cld\n"
    "  mov eax, 7; xor edx, edx; xsave [0x100000c0]\n"
    "  fninit\n"
    "  pop r15; pop r14; pop r13; pop r12; pop rbp; pop rbx\n"
    "  ret\n"
    ".att_syntax\n");

static struct state *const state = (struct state *)STATE;
static uint8_t *const pages = (uint8_t *)WINDOW_PAGE;
static uint8_t *const code = (uint8_t *)(CODE_PAGE + CODE_OFFSET);
static struct output out;
static uint64_t code_end;
static sigjmp_buf recover;

/* The kernel's register order to the encoding's. */
static const int order[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                              REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};

static void on_signal(int signal, siginfo_t *info, void *opaque) {
  ucontext_t *context = opaque;
  greg_t *registers = context->uc_mcontext.gregs;
  for (int i = 0; i < 16; i++) state->gpr[i] = registers[order[i]];
  state->rflags = registers[REG_EFL];
  memcpy(state->xsave, context->uc_mcontext.fpregs, sizeof state->xsave);
  out.signal = signal;
  out.vector = registers[REG_TRAPNO];
  out.error_code = registers[REG_ERR];
  out.address = registers[REG_CR2];
  out.rip = registers[REG_RIP];
  /* A jump that landed on one of the INT3 around the instruction. */
  uint64_t trap = out.rip - 1;
  if (signal == SIGTRAP && (trap < (uint64_t)code || trap >= code_end) && *(uint8_t *)trap == INT3) {
    out.signal = 0;
    out.rip--;
  }
  /* A jump that landed where nothing may be executed. */
  if (signal == SIGSEGV && (uint64_t)info->si_addr == out.rip && out.rip / PAGE_SIZE != CODE_PAGE / PAGE_SIZE) out.signal = 0;
  siglongjmp(recover, 1);
}

static void map(uint64_t address, uint64_t size, int protection) {
  if (mmap((void *)address, size, PROT_READ | PROT_WRITE | protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE,
           -1, 0) != (void *)address)
    exit(3);
}

int main(void) {
  struct input in;
  static uint8_t stack[65536];
  stack_t alternate = {.ss_sp = stack, .ss_size = sizeof stack};
  sigaltstack(&alternate, NULL);
  struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
  const int caught[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP};
  for (unsigned i = 0; i < sizeof caught / sizeof *caught; i++) sigaction(caught[i], &action, NULL);
  map(STATE, PAGE_SIZE, 0);
  map(WINDOW_PAGE, 2 * PAGE_SIZE, 0);
  map(CODE_PAGE, PAGE_SIZE, PROT_EXEC);
  alarm(60);
  while (fread(&in, sizeof in, 1, stdin) == 1) {
    memset(&out, 0, sizeof out);
    *state = in.state;
    state->code = (uint64_t)code;
    code_end = (uint64_t)code + in.code_length;
    *(uint64_t *)(state->xsave + 512) = 7;
    memset(pages, 0, 2 * PAGE_SIZE);
    memcpy(pages + in.window_offset, in.window, WINDOW_SIZE);
    memset((void *)CODE_PAGE, INT3, PAGE_SIZE);
    memcpy(code, in.code, in.code_length);
    static const uint8_t jump[] = {0xff, 0x25, 0, 0, 0, 0};
    memcpy(code + in.code_length, jump, sizeof jump);
    void (*target)(void) = leave;
    memcpy(code + in.code_length + sizeof jump, &target, 8);
    mprotect(pages, PAGE_SIZE, in.first);
    mprotect(pages + PAGE_SIZE, PAGE_SIZE, in.second);
    if (sigsetjmp(recover, 1) == 0) {
      run();
      out.rip = (uint64_t)code + in.code_length;
    }
    mprotect(pages, 2 * PAGE_SIZE, PROT_READ | PROT_WRITE);
    out.state = *state;
    memcpy(out.window, pages + in.window_offset, WINDOW_SIZE);
    fwrite(&out, sizeof out, 1, stdout);
  }
  return 0;
}
