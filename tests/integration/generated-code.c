#include <stdio.h>
#include <string.h>
#include <windows.h>

enum { VALUES = 8, CALLS = 6000, BYTES = 0x10000 };
typedef int function(void);

static unsigned char body[6] = { 0xb8, 0, 0, 0, 0, 0xc3 };
static unsigned char *runs, *written;

static void plain(void) { memcpy(written, body, sizeof body); }

static void by_protection(void) {
  DWORD old;
  VirtualProtect(runs, BYTES, PAGE_READWRITE, &old);
  memcpy(runs, body, sizeof body);
  VirtualProtect(runs, BYTES, PAGE_EXECUTE_READ, &old);
  FlushInstructionCache(GetCurrentProcess(), runs, sizeof body);
}

static void by_kernel(void) {
  SIZE_T done;
  WriteProcessMemory(GetCurrentProcess(), runs, body, sizeof body, &done);
}

static DWORD WINAPI write_in_thread(void *unused) { plain(); return 0; }

static void by_thread(void) {
  HANDLE thread = CreateThread(NULL, 0, write_in_thread, NULL, 0, NULL);
  WaitForSingleObject(thread, INFINITE);
  CloseHandle(thread);
}

static void anew(void) {
  unsigned char *before = runs;
  VirtualFree(runs, 0, MEM_RELEASE);
  runs = VirtualAlloc(before, BYTES, MEM_RESERVE | MEM_COMMIT, PAGE_EXECUTE_READWRITE);
  memcpy(runs, body, sizeof body);
}

static void measure(const char *name, void (*rewrite)(void)) {
  int sum = 0;
  for (int value = 1; value <= VALUES; value++) {
    body[1] = value;
    rewrite();
    for (int i = 0; i < CALLS; i++) sum += ((function *)runs)();
  }
  printf("%s %d\n", name, sum);
}

static unsigned char *allocate(DWORD protection) {
  return VirtualAlloc(NULL, BYTES, MEM_RESERVE | MEM_COMMIT, protection);
}

int main(void) {
  /* Over the end of a page, where the way of writing permits it. */
  written = runs = allocate(PAGE_EXECUTE_READWRITE) + 0xffe;
  measure("direct", plain);
  runs = allocate(PAGE_READWRITE);
  measure("protected", by_protection);
  HANDLE section = CreateFileMappingW(INVALID_HANDLE_VALUE, NULL, PAGE_EXECUTE_READWRITE, 0, BYTES, NULL);
  runs = (unsigned char *)MapViewOfFile(section, FILE_MAP_READ | FILE_MAP_EXECUTE, 0, 0, 0) + 0xffe;
  written = (unsigned char *)MapViewOfFile(section, FILE_MAP_WRITE, 0, 0, 0) + 0xffe;
  measure("other view", plain);
  runs = allocate(PAGE_EXECUTE_READWRITE) + 0xffd;
  measure("WriteProcessMemory", by_kernel);
  written = runs = allocate(PAGE_EXECUTE_READWRITE) + 0xffd;
  measure("thread", by_thread);
  runs = allocate(PAGE_EXECUTE_READWRITE);
  measure("allocated anew", anew);
  return 0;
}
