/* The Win32 API: what the C library's fopen and fwrite end in. No C runtime; the process starts here. */
#include <windows.h>

static const wchar_t greeting[] = L"Hello from the Win32 API!\r\n";

void start(void)
{
    DWORD length = sizeof greeting - sizeof *greeting, written;
    HANDLE file = CreateFileW(L"C:\\testfile.txt", GENERIC_WRITE, 0, NULL, CREATE_ALWAYS, FILE_ATTRIBUTE_NORMAL, NULL);

    if (file == INVALID_HANDLE_VALUE)
        ExitProcess(1);
    if (!WriteFile(file, greeting, length, &written, NULL) || written != length)
        ExitProcess(2);
    CloseHandle(file);
    ExitProcess(0);
}
