/* Ten files in three folders; then some are renamed, moved, extended and deleted. */
#include <stdio.h>
#include <string.h>
#include <windows.h>

static void check(BOOL success, const char *what)
{
    if (success)
        return;
    printf("%s failed with error %lu\n", what, GetLastError());
    ExitProcess(1);
}

static void write_text(const char *path, DWORD disposition, const char *text)
{
    DWORD length = (DWORD)strlen(text), written;
    HANDLE file = CreateFileA(path, FILE_APPEND_DATA, FILE_SHARE_READ, NULL, disposition, FILE_ATTRIBUTE_NORMAL, NULL);

    check(file != INVALID_HANDLE_VALUE, path);
    check(WriteFile(file, text, length, &written, NULL) && written == length, path);
    check(CloseHandle(file), path);
}

/* A folder and all that is in it, in the order in which the file system gives them (on NTFS that of their names). */
static void list(const char *folder, int depth)
{
    char pattern[MAX_PATH];
    WIN32_FIND_DATAA found;
    HANDLE search;

    snprintf(pattern, sizeof pattern, "%s\\*", folder);
    search = FindFirstFileA(pattern, &found);
    check(search != INVALID_HANDLE_VALUE, pattern);
    do {
        if (!strcmp(found.cFileName, ".") || !strcmp(found.cFileName, ".."))
            continue;
        if (found.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY) {
            printf("%*s%s\\\n", depth * 2, "", found.cFileName);
            snprintf(pattern, sizeof pattern, "%s\\%s", folder, found.cFileName);
            list(pattern, depth + 1);
        } else {
            printf("%*s%s  %lu\n", depth * 2, "", found.cFileName, found.nFileSizeLow);
        }
    } while (FindNextFileA(search, &found));
    check(GetLastError() == ERROR_NO_MORE_FILES, "FindNextFile");
    FindClose(search);
}

int main(void)
{
    static const char *const folders[] = {"C:\\work", "C:\\work\\drafts", "C:\\work\\letters"};
    char path[MAX_PATH], text[64];

    for (int i = 0; i < 3; i++)
        check(CreateDirectoryA(folders[i], NULL), folders[i]);
    for (int i = 0; i < 10; i++) {
        snprintf(path, sizeof path, "%s\\page-%d.txt", folders[i % 3], i);
        snprintf(text, sizeof text, "This is page %d.\r\n", i);
        write_text(path, CREATE_NEW, text);
    }

    check(MoveFileA("C:\\work\\page-0.txt", "C:\\work\\title.txt"), "rename");
    check(MoveFileA("C:\\work\\drafts\\page-1.txt", "C:\\work\\letters\\page-1.txt"), "move");
    write_text("C:\\work\\letters\\page-2.txt", OPEN_EXISTING, "It goes on.\r\n");
    check(DeleteFileA("C:\\work\\drafts\\page-4.txt"), "delete");
    check(DeleteFileA("C:\\work\\drafts\\page-7.txt"), "delete");
    check(RemoveDirectoryA("C:\\work\\drafts"), "remove the empty folder");

    list("C:\\work", 0);
    return 0;
}
