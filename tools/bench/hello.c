/* The program whose way to main the benchmark measures. main is exported so that it can be found. */
#include <stdio.h>

__declspec(dllexport) int main(void)
{
    puts("Hello, world!");
    return 0;
}
