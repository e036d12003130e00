/* printf, with the conversions that take some arithmetic. */
#include <math.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    printf("Hello, world!\n");
    printf("integers:  %d %u %#x %lld\n", -42, 42u, 0xbeef, 1LL << 62);
    printf("reals:     %.5f %e %g %.17g\n", acos(-1.0), 6.02214076e23, 1.0 / 3.0, 0.1);
    printf("fields:    [%8s] [%-8s] [%08.3f] [%+d]\n", "right", "left", sqrt(2.0), 7);
    printf("rounding:  %.0f %.0f %.0f\n", 0.5, 1.5, 2.5);
    printf("limits:    %g %g %g\n", 1e308 * 10, 5e-324, NAN);
    for (int i = 1; i < argc; i++)
        printf("argument:  %s\n", argv[i]);
    return 0;
}
