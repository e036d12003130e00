#include <stdio.h>
#include <windows.h>

static int calls, hits, writes;
static volatile int watched;

__attribute__((noinline)) static int target(int x) { calls++; return x * 3; }

static LONG CALLBACK handler(EXCEPTION_POINTERS *info) {
  CONTEXT *context = info->ContextRecord;
  if (info->ExceptionRecord->ExceptionCode != EXCEPTION_SINGLE_STEP) return EXCEPTION_CONTINUE_SEARCH;
  if (context->Dr6 & 1 && context->Rip == (ULONG_PTR)target) { hits++; context->EFlags |= 0x10000; }
  if (context->Dr6 & 2) writes++;
  context->Dr6 = 0;
  return EXCEPTION_CONTINUE_EXECUTION;
}

static int arm(ULONG_PTR dr7) {
  CONTEXT context = { .ContextFlags = CONTEXT_DEBUG_REGISTERS };
  context.Dr0 = (ULONG_PTR)target;
  context.Dr1 = (ULONG_PTR)&watched;
  context.Dr7 = dr7;
  return SetThreadContext(GetCurrentThread(), &context);
}

int main(void) {
  AddVectoredExceptionHandler(1, handler);
  int sum = 0;
  for (int i = 0; i < 20000; i++) sum += target(i);
  if (!arm(0x1 | 0x4 | 0xd << 20)) return 1;
  for (int i = 0; i < 50; i++) { sum += target(i); watched = i; }
  CONTEXT context = { .ContextFlags = CONTEXT_DEBUG_REGISTERS };
  if (!GetThreadContext(GetCurrentThread(), &context) || context.Dr0 != (ULONG_PTR)target) return 2;
  arm(0);
  for (int i = 0; i < 50; i++) { sum += target(i); watched = i; }
  printf("%d %d %d %d\n", calls, hits, writes, sum);
  return 0;
}
