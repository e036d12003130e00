/* What hello-native and hello-kernel need of NT, besides what winternl.h declares. */
#pragma once
#include <windows.h>
#include <winternl.h>

#define CURRENT_PROCESS ((HANDLE)-1)

/* A UNICODE_STRING that names a string literal. */
#define UNICODE_STRING_OF(literal) {sizeof(literal) - sizeof(WCHAR), sizeof(literal), (WCHAR *)(literal)}
