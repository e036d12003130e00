/*
 * bcryptprimitives.dll, for images whose user mode has none. Programs built by recent Rust and Go compilers import
 * ProcessPrng from it and nothing else.
 *
 * Random bytes come from the kernel's device KsecDD, where Windows' own user mode gets its seed.
 */
#include <windows.h>
#include <winternl.h>

#define IOCTL_KSEC_RNG 0x390004
#define FILE_SHARE_ALL (FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE)

static HANDLE device;

/* Opened once; a thread that loses the race closes its handle again. */
static HANDLE random_device(void)
{
    static WCHAR path[] = L"\\Device\\KsecDD";
    UNICODE_STRING name = {sizeof path - sizeof *path, sizeof path, path};
    OBJECT_ATTRIBUTES attributes;
    IO_STATUS_BLOCK io;
    HANDLE opened, known = device;

    if (known)
        return known;
    InitializeObjectAttributes(&attributes, &name, OBJ_CASE_INSENSITIVE, NULL, NULL);
    if (!NT_SUCCESS(NtOpenFile(&opened, FILE_READ_DATA | SYNCHRONIZE, &attributes, &io, FILE_SHARE_ALL,
                               FILE_SYNCHRONOUS_IO_NONALERT)))
        return NULL;
    known = InterlockedCompareExchangePointer(&device, opened, NULL);
    if (!known)
        return opened;
    NtClose(opened);
    return known;
}

__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE data, SIZE_T size)
{
    HANDLE random = random_device();
    IO_STATUS_BLOCK io;

    if (!random)
        return FALSE;
    while (size)
    {
        ULONG chunk = size > 0x10000 ? 0x10000 : (ULONG)size;

        if (!NT_SUCCESS(NtDeviceIoControlFile(random, NULL, NULL, NULL, &io, IOCTL_KSEC_RNG, NULL, 0, data, chunk)))
            return FALSE;
        data += chunk;
        size -= chunk;
    }
    return TRUE;
}

BOOL WINAPI DllMain(HINSTANCE instance, DWORD reason, LPVOID reserved)
{
    (void)reserved;
    if (reason == DLL_PROCESS_ATTACH)
        DisableThreadLibraryCalls(instance);
    return TRUE;
}
