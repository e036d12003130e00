/* The C library: the way most programs write a file. Built twice, against msvcrt.dll and against the Universal CRT. */
#include <stdio.h>

#if defined(_UCRT)
static const wchar_t greeting[] = L"Hello from the Universal C runtime!\r\n";
#else
static const wchar_t greeting[] = L"Hello from the C runtime!\r\n";
#endif

int main(void)
{
    size_t length = sizeof greeting - sizeof *greeting; /* in bytes, without the terminator */
    FILE *file = fopen("C:\\testfile.txt", "wb");

    if (!file)
        return 1;
    if (fwrite(greeting, 1, length, file) != length)
        return 2;
    return fclose(file) ? 3 : 0;
}
