/* Never ends: something to pause, step and stop. */
#include <stdio.h>

int main(void)
{
    printf("Counting for ever.\n");
    fflush(stdout);
    for (volatile unsigned long long counter = 0;; counter++)
        ;
}
