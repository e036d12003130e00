/* Writes through a wild pointer, three calls deep. Nothing catches it: the process ends with STATUS_ACCESS_VIOLATION. */
#include <stdint.h>
#include <stdio.h>

static __attribute__((noinline)) void store(volatile int *target, int value)
{
    *target = value;
}

static __attribute__((noinline)) void compute(uintptr_t address)
{
    for (int i = 0; i < 3; i++)
        store((volatile int *)(address + i), i);
}

int main(void)
{
    printf("About to write to 0xdead0000.\n");
    fflush(stdout);
    compute(0xdead0000);
    printf("This line is never reached.\n");
    return 0;
}
