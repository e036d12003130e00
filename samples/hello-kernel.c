/*
 * System calls: what the native API's functions consist of. This program imports nothing and needs no DLL at all.
 *
 * A system call's number goes into eax. The first argument goes into r10, because `syscall` overwrites rcx with the
 * return address; the others stay where the calling convention has them. The numbers belong to a build of Windows: these
 * four are the same in every Windows 10 and 11.
 */
#include "nt.h"

#define SYSTEM_CALL(number) __asm__("mov %rcx, %r10\n\tmov $" #number ", %eax\n\tsyscall\n\tret")

__attribute__((naked)) static NTSTATUS create_file(PHANDLE FileHandle, ACCESS_MASK DesiredAccess,
                                                   POBJECT_ATTRIBUTES ObjectAttributes, PIO_STATUS_BLOCK IoStatusBlock,
                                                   PLARGE_INTEGER AllocationSize, ULONG FileAttributes,
                                                   ULONG ShareAccess, ULONG CreateDisposition, ULONG CreateOptions,
                                                   PVOID EaBuffer, ULONG EaLength)
{
    SYSTEM_CALL(0x55); /* NtCreateFile */
}

__attribute__((naked)) static NTSTATUS write_file(HANDLE FileHandle, HANDLE Event, PIO_APC_ROUTINE ApcRoutine,
                                                  PVOID ApcContext, PIO_STATUS_BLOCK IoStatusBlock, const void *Buffer,
                                                  ULONG Length, PLARGE_INTEGER ByteOffset, PULONG Key)
{
    SYSTEM_CALL(0x08); /* NtWriteFile */
}

__attribute__((naked)) static NTSTATUS close(HANDLE Handle)
{
    SYSTEM_CALL(0x0f); /* NtClose */
}

__attribute__((naked)) static NTSTATUS terminate_process(HANDLE ProcessHandle, NTSTATUS ExitStatus)
{
    SYSTEM_CALL(0x2c); /* NtTerminateProcess */
}

static const wchar_t greeting[] = L"Hello from the kernel's own door!\r\n";

void start(void)
{
    UNICODE_STRING path = UNICODE_STRING_OF(L"\\??\\C:\\testfile.txt");
    OBJECT_ATTRIBUTES attributes;
    IO_STATUS_BLOCK io;
    HANDLE file;
    NTSTATUS status;

    InitializeObjectAttributes(&attributes, &path, OBJ_CASE_INSENSITIVE, NULL, NULL);
    status = create_file(&file, FILE_GENERIC_WRITE, &attributes, &io, NULL, FILE_ATTRIBUTE_NORMAL, 0,
                         FILE_OVERWRITE_IF, FILE_SYNCHRONOUS_IO_NONALERT | FILE_NON_DIRECTORY_FILE, NULL, 0);
    if (!NT_SUCCESS(status))
        terminate_process(CURRENT_PROCESS, status);
    status = write_file(file, NULL, NULL, NULL, &io, greeting, sizeof greeting - sizeof *greeting, NULL, NULL);
    close(file);
    terminate_process(CURRENT_PROCESS, status);
}
