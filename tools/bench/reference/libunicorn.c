/* libunicorn KERNEL.bin ITERATIONS: runs a kernel on libunicorn; prints its checksum and the milliseconds. A system call reads five registers. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unicorn/unicorn.h>
#include "clock.h"

#define BASE 0x140000000ull
#define SIZE (8u << 20)
#define EXIT 0xffff

static void check(uc_err error, const char *what)
{
    if (error == UC_ERR_OK)
        return;
    fprintf(stderr, "%s: %s\n", what, uc_strerror(error));
    exit(1);
}

static volatile uint64_t seen;

static void on_syscall(uc_engine *engine, void *context)
{
    static const int arguments[] = {UC_X86_REG_R10, UC_X86_REG_RDX, UC_X86_REG_R8, UC_X86_REG_R9, UC_X86_REG_RSP};
    uint64_t value;
    (void)context;
    uc_reg_read(engine, UC_X86_REG_RAX, &value);
    if (value == EXIT) {
        uc_emu_stop(engine);
        return;
    }
    for (unsigned i = 0; i < sizeof arguments / sizeof *arguments; i++) {
        uc_reg_read(engine, arguments[i], &value);
        seen += value;
    }
    value = 0;
    uc_reg_write(engine, UC_X86_REG_RAX, &value);
}

int main(int argc, char **argv)
{
    static uint8_t image[SIZE];
    if (argc != 3)
        return 2;
    FILE *file = fopen(argv[1], "rb");
    size_t size = file == NULL ? 0 : fread(image, 1, sizeof image, file);
    if (size == 0) {
        perror(argv[1]);
        return 1;
    }
    uint64_t iterations = strtoull(argv[2], NULL, 0), stack = BASE + SIZE - 0x1000, checksum = 0;
    uc_engine *engine;
    uc_hook hook;
    check(uc_open(UC_ARCH_X86, UC_MODE_64, &engine), "uc_open");
    check(uc_mem_map(engine, BASE, SIZE, UC_PROT_ALL), "uc_mem_map");
    check(uc_mem_write(engine, BASE, image, size), "uc_mem_write");
    check(uc_hook_add(engine, &hook, UC_HOOK_INSN, (void *)on_syscall, NULL, 1, 0, UC_X86_INS_SYSCALL), "uc_hook_add");
    uc_reg_write(engine, UC_X86_REG_RSP, &stack);
    uc_reg_write(engine, UC_X86_REG_RDI, &iterations);
    double start = milliseconds();
    check(uc_emu_start(engine, BASE, 0, 0, 0), "uc_emu_start");
    double end = milliseconds();
    uc_reg_read(engine, UC_X86_REG_RBX, &checksum);
    printf("0x%016llx %.3f\n", (unsigned long long)checksum, end - start);
    return 0;
}
