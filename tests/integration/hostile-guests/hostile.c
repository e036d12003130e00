/* Programs that try to hang us, to exhaust us or to make us fail. The first argument names one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>
#include <winternl.h>

typedef NTSTATUS NTAPI terminate_process(HANDLE, NTSTATUS);

static LONG CALLBACK fault_again(EXCEPTION_POINTERS *info) {
  *(volatile int *)(info->ExceptionRecord->ExceptionInformation[1] + 8) = 1;
  return EXCEPTION_CONTINUE_SEARCH;
}
static void exception_recursion(void) {
  AddVectoredExceptionHandler(1, fault_again);
  *(volatile int *)16 = 1;
}

static LONG CALLBACK same_again(EXCEPTION_POINTERS *info) { (void)info; return EXCEPTION_CONTINUE_EXECUTION; }
static void endless_fault(void) {
  AddVectoredExceptionHandler(1, same_again);
  *(volatile int *)16 = 1;
}

__attribute__((noinline)) static int deeper(volatile int *above) {
  volatile int page[1024];
  page[0] = *above + 1;
  return deeper(page) + page[1];
}
static void stack_overflow(void) { volatile int top[1] = { 0 }; printf("%d\n", deeper(top)); }

static void stack_without_teb(void) {
  DWORD old;
  VirtualProtect(NtCurrentTeb(), 0x1000, PAGE_NOACCESS, &old);
  volatile int top[1] = { 0 };
  deeper(top);
}
static void stack_without_memory(void) {
  for (SIZE_T size = 1 << 20; size >= 0x1000; size /= 2)
    while (VirtualAlloc(NULL, size, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE));
  volatile int top[1] = { 0 };
  deeper(top);
}

static void no_stack(void) { __asm__ volatile("mov $0x10, %rsp\n\tpush %rax"); }
static void no_stack_exception(void) { __asm__ volatile("mov $0x8000000000000000, %rsp\n\tint3"); }
static void kernel_stack(void) { __asm__ volatile("mov $-0x1000, %rsp\n\tcall 1f\n1:"); }
static void syscall_without_stack(void) { __asm__ volatile("mov $-8, %rsp\n\tmov $0x55, %eax\n\tsyscall\n\tud2"); }

static void handles(void) {
  long count = 0;
  HANDLE one = CreateEventW(NULL, FALSE, FALSE, NULL), copy;
  while (DuplicateHandle(GetCurrentProcess(), one, GetCurrentProcess(), &copy, 0, FALSE, DUPLICATE_SAME_ACCESS)) count++;
  printf("%d\n", count > 100000);
}

static void commit(void) {
  long count = 0;
  while (VirtualAlloc(NULL, 1 << 20, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE)) count++;
  printf("%d\n", count > 100);
}
static void reserve(void) {
  long count = 0;
  for (; count < 4000 && VirtualAlloc(NULL, 1ull << 32, MEM_RESERVE, PAGE_NOACCESS); count++);
  printf("%ld\n", count);
}
static void fragments(void) {
  unsigned char *base = VirtualAlloc(NULL, 1ull << 32, MEM_RESERVE, PAGE_NOACCESS);
  long count = 0;
  for (; count < 4000 && VirtualAlloc(base + count * 0x2000, 1, MEM_COMMIT, count & 1 ? PAGE_READONLY : PAGE_READWRITE); count++);
  printf("%ld\n", count);
}

static DWORD WINAPI sleeper(void *unused) { (void)unused; Sleep(INFINITE); return 0; }
static void threads(void) {
  long count = 0;
  while (CreateThread(NULL, 0x10000, sleeper, NULL, STACK_SIZE_PARAM_IS_A_RESERVATION, NULL)) count++;
  printf("%d\n", count > 100);
}

static void directories(void) {
  WCHAR path[32000] = L"\\\\?\\C:\\w";
  int depth = 0;
  for (size_t end = wcslen(path); end < 8000; depth++) {
    wcscpy(path + end, L"\\directory");
    end += 10;
    if (!CreateDirectoryW(path, NULL)) break;
  }
  printf("%d deep\n", depth);
}

static void registry(void) {
  HKEY key;
  RegCreateKeyExW(HKEY_CURRENT_USER, L"Software\\Hostile", 0, NULL, 0, KEY_ALL_ACCESS, NULL, &key, NULL);
  DWORD size = 16 << 20, error = 0, count = 0;
  BYTE *data = calloc(1, size);
  for (; count < 1000 && !error; count++) {
    WCHAR name[16];
    swprintf(name, 16, L"%lu", count);
    error = RegSetValueExW(key, name, 0, REG_BINARY, data, size);
  }
  printf("%lu values, error %lu\n", count - 1, error);
}

static void output(void) {
  for (;;) fwrite("endless output, line after line\n", 1, 32, stdout);
}

static void terminate(void) {
  terminate_process *end = (terminate_process *)(void *)GetProcAddress(GetModuleHandleW(L"ntdll"), "NtTerminateProcess");
  CreateThread(NULL, 0, sleeper, NULL, CREATE_SUSPENDED, NULL);
  end(NULL, 1);
  end(NULL, 2);
  CloseHandle(CreateEventW(NULL, FALSE, FALSE, NULL));
  printf("alive\n");
  fflush(stdout);
  end(GetCurrentProcess(), 77);
}

/* Each load is four bytes long. */
static LONG CALLBACK tell_and_skip(EXCEPTION_POINTERS *info) {
  EXCEPTION_RECORD *record = info->ExceptionRecord;
  printf("%lx %lu %llx %llx\n", record->ExceptionCode, record->NumberParameters, record->ExceptionInformation[0], record->ExceptionInformation[1]);
  info->ContextRecord->Rip += 4;
  return EXCEPTION_CONTINUE_EXECUTION;
}
static void nowhere(void) {
  AddVectoredExceptionHandler(1, tell_and_skip);
  __asm__ volatile("push %%rbp\n\tmovabs $0x1234567800000000, %%rbp\n\tmov %%rbp, %%rcx\n\t"
                   ".byte 0x48, 0x8b, 0x45, 0x00\n\t.byte 0x48, 0x8b, 0x41, 0x00\n\tpop %%rbp" ::: "rax", "rcx", "memory");
}

static void suspend_self(void) { SuspendThread(GetCurrentThread()); printf("awake\n"); }

static void processes(void) {
  long count = 0;
  WCHAR line[] = L"hostile.exe sleep";
  STARTUPINFOW startup = { .cb = sizeof startup };
  PROCESS_INFORMATION made;
  WCHAR self[MAX_PATH];
  GetModuleFileNameW(NULL, self, MAX_PATH);
  while (CreateProcessW(self, line, NULL, NULL, FALSE, CREATE_SUSPENDED, NULL, NULL, &startup, &made)) count++;
  printf("%d\n", count > 3);
  fflush(stdout);
  ExitProcess(3);
}

static const struct { const char *name; void (*run)(void); } all[] = {
  { "exception-recursion", exception_recursion }, { "endless-fault", endless_fault }, { "stack-overflow", stack_overflow },
  { "stack-without-teb", stack_without_teb }, { "stack-without-memory", stack_without_memory }, { "no-stack", no_stack }, { "no-stack-exception", no_stack_exception }, { "kernel-stack", kernel_stack },
  { "syscall-without-stack", syscall_without_stack }, { "handles", handles }, { "commit", commit }, { "reserve", reserve },
  { "fragments", fragments }, { "threads", threads }, { "directories", directories }, { "registry", registry }, { "output", output },
  { "terminate", terminate }, { "nowhere", nowhere }, { "suspend-self", suspend_self }, { "processes", processes },
};

int main(int argc, char **argv) {
  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    if (argc > 1 && !strcmp(argv[1], all[i].name)) {
      all[i].run();
      return 0;
    }
  return 1;
}
