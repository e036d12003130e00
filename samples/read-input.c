/* Reads all that a program can be given: arguments, an environment variable, a file and standard input. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void number_lines(const char *title, FILE *stream)
{
    char line[256];
    int number = 0;

    printf("%s\n", title);
    while (fgets(line, sizeof line, stream)) {
        line[strcspn(line, "\r\n")] = 0;
        printf("%4d  %s\n", ++number, line);
    }
    if (number == 0)
        printf("      (nothing)\n");
}

int main(int argc, char **argv)
{
    const char *drive = getenv("SystemDrive");

    for (int i = 1; i < argc; i++)
        printf("argument %d: %s\n", i, argv[i]);
    printf("SystemDrive: %s\n", drive ? drive : "(not set)");

    if (argc > 1) {
        FILE *file = fopen(argv[1], "r");

        if (!file) {
            fprintf(stderr, "cannot open %s: %s\n", argv[1], strerror(errno));
            return 1;
        }
        number_lines(argv[1], file);
        fclose(file);
    }
    number_lines("standard input", stdin);
    return 0;
}
