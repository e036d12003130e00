/* YMM registers across an exception that is continued, and of another thread. argv[1] is what they are filled from. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>

#ifndef CONTEXT_XSTATE
#define CONTEXT_XSTATE (CONTEXT_AMD64 | 0x40)
#endif

typedef unsigned char bytes[512];

static bytes given, kept;
static char *page;

/* Not in every import library. */
static DWORD64 (WINAPI *get_enabled)(void);
static PVOID (WINAPI *locate)(CONTEXT *, DWORD, DWORD *);
static BOOL (WINAPI *get_mask)(CONTEXT *, DWORD64 *);
static BOOL (WINAPI *set_mask)(CONTEXT *, DWORD64);
static BOOL (WINAPI *initialize)(void *, DWORD, CONTEXT **, DWORD *);
#define IMPORT(name, function) name = (void *)GetProcAddress(GetModuleHandleA("kernelbase.dll"), function)

/* The upper half of YMM`number` in an array of all. */
#define HIGH(area, number) ((unsigned char *)(area) + (number) * 16)

static LONG CALLBACK handler(EXCEPTION_POINTERS *info) {
  CONTEXT *context = info->ContextRecord;
  DWORD length = 0, old;
  DWORD64 mask = 0;
  unsigned char *area = locate(context, XSTATE_AVX, &length);
  if (info->ExceptionRecord->ExceptionCode != EXCEPTION_ACCESS_VIOLATION || !area) return EXCEPTION_CONTINUE_SEARCH;
  get_mask(context, &mask);
  printf("flags %lx, mask %llx, %lu bytes\n", context->ContextFlags, mask, length);
  for (int i = 0; i < 16; i++)
    if (memcmp(&context->Xmm0 + i, given + i * 32, 16) || memcmp(HIGH(area, i), given + i * 32 + 16, 16)) printf("handler: YMM%d\n", i);
  HIGH(area, 5)[3] ^= 0xff;
  __asm__ volatile("vzeroupper");
  VirtualProtect(page, 4096, PAGE_READWRITE, &old);
  return EXCEPTION_CONTINUE_EXECUTION;
}

/* All at once, with a store to `page` between. */
extern void through(const void *from, void *to, char *page);
__asm__(
    ".macro each op, first\n"
    ".irp i, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"
    ".if \\first\n vmovdqu \\i*32(%rcx), %ymm\\i\n .else\n vmovdqu %ymm\\i, \\i*32(%rdx)\n .endif\n"
    ".endr\n .endm\n"
    "through:\n"
    "  sub $168, %rsp\n"
    "  .irp i, 6,7,8,9,10,11,12,13,14,15\n  movups %xmm\\i, (\\i-6)*16(%rsp)\n  .endr\n"
    "  each load, 1\n"
    "  movb $1, (%r8)\n"
    "  each store, 0\n"
    "  vzeroupper\n"
    "  .irp i, 6,7,8,9,10,11,12,13,14,15\n  movups (\\i-6)*16(%rsp), %xmm\\i\n  .endr\n"
    "  add $168, %rsp\n"
    "  ret\n");

static volatile int ready, done;
static unsigned char held[16];

static DWORD WINAPI holder(void *unused) {
  __asm__ volatile(
      "vinserti128 $1, %0, %%ymm7, %%ymm7\n"
      "movl $1, %1\n"
      "1: cmpl $0, %2\n"
      "je 1b\n"
      "vextracti128 $1, %%ymm7, %3\n"
      "vzeroupper\n"
      :: "m"(*(given + 100)), "m"(ready), "m"(done), "m"(held) : "xmm7", "memory");
  return 0;
}

static void other_thread(void) {
  DWORD size = 0, length;
  CONTEXT *context = 0;
  HANDLE thread = CreateThread(0, 0, holder, 0, 0, 0);
  while (!ready) Sleep(0);
  SuspendThread(thread);
  initialize(0, CONTEXT_ALL | CONTEXT_XSTATE, 0, &size);
  initialize(malloc(size), CONTEXT_ALL | CONTEXT_XSTATE, &context, &size);
  set_mask(context, XSTATE_MASK_AVX);
  if (!GetThreadContext(thread, context)) printf("GetThreadContext: %lu\n", GetLastError());
  unsigned char *area = locate(context, XSTATE_AVX, &length);
  int seen = area && !memcmp(HIGH(area, 7), given + 100, 16);
  if (area) HIGH(area, 7)[0] ^= 0xff;
  if (!SetThreadContext(thread, context)) printf("SetThreadContext: %lu\n", GetLastError());
  done = 1;
  ResumeThread(thread);
  WaitForSingleObject(thread, INFINITE);
  held[0] ^= 0xff;
  printf("other thread: seen %d, set %d\n", seen, !memcmp(held, given + 100, 16));
}

int main(int argc, char **argv) {
  unsigned state = strtoul(argv[1], 0, 10);
  for (int i = 0; i < 512; i++) given[i] = (state = state * 1664525u + 1013904223u) >> 24;
  IMPORT(get_enabled, "GetEnabledXStateFeatures");
  IMPORT(locate, "LocateXStateFeature");
  IMPORT(get_mask, "GetXStateFeaturesMask");
  IMPORT(set_mask, "SetXStateFeaturesMask");
  IMPORT(initialize, "InitializeContext");
  printf("XSAVE %d, AVX %d, AVX2 %d, features %llx\n", IsProcessorFeaturePresent(17), IsProcessorFeaturePresent(39),
         IsProcessorFeaturePresent(40), get_enabled());
  AddVectoredExceptionHandler(1, handler);
  page = VirtualAlloc(0, 4096, MEM_RESERVE | MEM_COMMIT, PAGE_NOACCESS);
  through(given, kept, page);
  kept[5 * 32 + 16 + 3] ^= 0xff;
  for (int i = 0; i < 16; i++)
    if (memcmp(given + i * 32, kept + i * 32, 32)) printf("continued: YMM%d\n", i);
  other_thread();
  return 0;
}
