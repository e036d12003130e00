/* native KERNEL.ret.bin ITERATIONS: runs a kernel on this processor; prints its checksum and the milliseconds. */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include "clock.h"

#define BASE ((void *)0x140000000)
#define SIZE (8u << 20)

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    void *memory = mmap(BASE, SIZE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE | MAP_POPULATE, -1, 0);
    FILE *file = fopen(argv[1], "rb");
    if (memory != BASE || file == NULL || fread(memory, 1, SIZE, file) == 0) {
        perror(argv[1]);
        return 1;
    }
    double start = milliseconds();
    uint64_t checksum = ((uint64_t (*)(uint64_t))memory)(strtoull(argv[2], NULL, 0));
    printf("0x%016llx %.3f\n", (unsigned long long)checksum, milliseconds() - start);
    return 0;
}
