/* Threads, events, a critical section, thread-local storage. However they are scheduled, the output is the same. */
#include <stdio.h>
#include <windows.h>

enum { WORKERS = 4, ROUNDS = 1000 };

static CRITICAL_SECTION lock;
static DWORD slot;
static __thread int steps; /* a thread-local variable, in the program's TLS directory */
static int guarded;
static volatile LONG interlocked;

static DWORD WINAPI work(void *parameter)
{
    TlsSetValue(slot, parameter);
    for (int i = 0; i < ROUNDS; i++) {
        EnterCriticalSection(&lock);
        guarded++;
        LeaveCriticalSection(&lock);
        InterlockedIncrement(&interlocked);
        steps++;
    }
    return TlsGetValue(slot) == parameter && steps == ROUNDS ? (DWORD)(UINT_PTR)parameter : 0;
}

/* Two threads pass a turn to and fro, each waiting for its own event. */
static HANDLE turn[2];

static DWORD WINAPI player(void *parameter)
{
    int self = (int)(UINT_PTR)parameter;

    for (int i = 0; i < 3; i++) {
        WaitForSingleObject(turn[self], INFINITE);
        printf("%s\n", self == 0 ? "ping" : "pong");
        SetEvent(turn[!self]);
    }
    return 0;
}

int main(void)
{
    HANDLE worker[WORKERS], players[2], never;
    DWORD code;

    InitializeCriticalSection(&lock);
    slot = TlsAlloc();
    for (int i = 0; i < WORKERS; i++)
        worker[i] = CreateThread(NULL, 0, work, (void *)(UINT_PTR)(0x100 + i), 0, NULL);
    WaitForMultipleObjects(WORKERS, worker, TRUE, INFINITE);
    for (int i = 0; i < WORKERS; i++) {
        GetExitCodeThread(worker[i], &code);
        printf("worker %d ended with %#lx\n", i, code);
        CloseHandle(worker[i]);
    }
    printf("guarded %d, interlocked %ld, this thread's steps %d\n", guarded, interlocked, steps);

    for (int i = 0; i < 2; i++)
        turn[i] = CreateEventW(NULL, FALSE, FALSE, NULL);
    for (int i = 0; i < 2; i++)
        players[i] = CreateThread(NULL, 0, player, (void *)(UINT_PTR)i, 0, NULL);
    SetEvent(turn[0]);
    WaitForMultipleObjects(2, players, TRUE, INFINITE);

    never = CreateEventW(NULL, TRUE, FALSE, NULL);
    printf("waiting 20 ms for what never comes: %s\n", WaitForSingleObject(never, 20) == WAIT_TIMEOUT ? "timeout" : "?");
    return 0;
}
