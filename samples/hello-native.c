/* The native API: what the Win32 API's CreateFileW and WriteFile end in. Imports ntdll.dll alone. */
#include "nt.h"

NTSTATUS NTAPI NtWriteFile(HANDLE FileHandle, HANDLE Event, PIO_APC_ROUTINE ApcRoutine, PVOID ApcContext,
                           PIO_STATUS_BLOCK IoStatusBlock, PVOID Buffer, ULONG Length, PLARGE_INTEGER ByteOffset,
                           PULONG Key);
NTSTATUS NTAPI NtTerminateProcess(HANDLE ProcessHandle, NTSTATUS ExitStatus);

static const wchar_t greeting[] = L"Hello from the native API!\r\n";

void start(void)
{
    UNICODE_STRING path = UNICODE_STRING_OF(L"\\??\\C:\\testfile.txt");
    OBJECT_ATTRIBUTES attributes;
    IO_STATUS_BLOCK io;
    HANDLE file;
    NTSTATUS status;

    InitializeObjectAttributes(&attributes, &path, OBJ_CASE_INSENSITIVE, NULL, NULL);
    status = NtCreateFile(&file, FILE_GENERIC_WRITE, &attributes, &io, NULL, FILE_ATTRIBUTE_NORMAL, 0,
                          FILE_OVERWRITE_IF, FILE_SYNCHRONOUS_IO_NONALERT | FILE_NON_DIRECTORY_FILE, NULL, 0);
    if (!NT_SUCCESS(status))
        NtTerminateProcess(CURRENT_PROCESS, status);
    status = NtWriteFile(file, NULL, NULL, NULL, &io, (PVOID)greeting, sizeof greeting - sizeof *greeting, NULL, NULL);
    NtClose(file);
    NtTerminateProcess(CURRENT_PROCESS, status);
}
