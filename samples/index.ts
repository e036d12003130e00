/** The samples: what each is, how it is run, what must come out. The page offers them, the tests run them. */

export interface Sample {
  readonly id: string;
  /** Beside this file: `bin/<file>`, and the source it is built from. */
  readonly file: string;
  readonly source: string;
  readonly title: string;
  /** One line. */
  readonly shows: string;
  /** The four steps down from the C library to the kernel, 1 to 4; only the hello programs that write C:\testfile.txt have one. */
  readonly ladder?: 1 | 2 | 3 | 4;
  /** The DLLs it imports from. */
  readonly imports: readonly string[];
  /** The smallest image it runs with. */
  readonly image: "scratch" | "wine";
  readonly arguments: readonly string[];
  readonly stdin: string;
  /** Files that must be there before it starts. */
  readonly given: readonly SampleFile[];
  readonly expected: SampleOutcome;
}

export interface SampleFile {
  /** `C:\…` */
  readonly path: string;
  readonly text: string;
  readonly encoding: "utf-8" | "utf-16le";
}

export interface SampleOutcome {
  /** How it ends: by itself, by a fault that nobody handles, or never. */
  readonly end: "exit" | "fault" | "never";
  /** The process's exit status; undefined where it never ends. */
  readonly status?: number;
  readonly stdout: string;
  /** Every file that it leaves behind. */
  readonly files: readonly SampleFile[];
}

/** The bytes of a file. */
export function sampleBytes({ text, encoding }: SampleFile): Uint8Array {
  switch (encoding) {
    case "utf-8":
      return new TextEncoder().encode(text);
    case "utf-16le": {
      const units = Array.from(text, (_, index) => text.charCodeAt(index));
      return Uint8Array.from(units.flatMap((unit) => [unit & 0xff, unit >>> 8]));
    }
  }
}

/** What the programs write with "\n" reaches the console as "\r\n". */
function lines(...text: string[]): string {
  return text.map((line) => `${line}\r\n`).join("");
}

const noInput = { arguments: [], stdin: "", given: [] } as const;

function greeting(text: string): SampleOutcome {
  return {
    end: "exit",
    status: 0,
    stdout: "",
    files: [{ path: "C:\\testfile.txt", text: `${text}\r\n`, encoding: "utf-16le" }],
  };
}

const poem: SampleFile = {
  path: "C:\\poem.txt",
  text: "So much depends\r\nupon\r\n\r\na red wheel\r\nbarrow\r\n",
  encoding: "utf-8",
};

function page(path: string, number: number, more = ""): SampleFile {
  return { path, text: `This is page ${number}.\r\n${more}`, encoding: "utf-8" };
}

export const samples: readonly Sample[] = [
  {
    id: "hello-clib",
    file: "hello-clib.exe",
    source: "hello-clib.c",
    title: "Hello from the C library",
    shows: "fopen and fwrite of msvcrt.dll, and how many system calls they become",
    ladder: 1,
    imports: ["msvcrt.dll", "kernel32.dll"],
    image: "wine",
    ...noInput,
    expected: greeting("Hello from the C runtime!"),
  },
  {
    id: "hello-clib-ucrt",
    file: "hello-clib-ucrt.exe",
    source: "hello-clib.c",
    title: "Hello from the Universal CRT",
    shows: "the same C program on the runtime of today's compilers",
    ladder: 1,
    imports: ["api-ms-win-crt-*.dll", "kernel32.dll"],
    image: "wine",
    ...noInput,
    expected: greeting("Hello from the Universal C runtime!"),
  },
  {
    id: "hello-win32",
    file: "hello-win32.exe",
    source: "hello-win32.c",
    title: "Hello from the Win32 API",
    shows: "CreateFileW, WriteFile and CloseHandle without a C runtime",
    ladder: 2,
    imports: ["kernel32.dll"],
    image: "wine",
    ...noInput,
    expected: greeting("Hello from the Win32 API!"),
  },
  {
    id: "hello-native",
    file: "hello-native.exe",
    source: "hello-native.c",
    title: "Hello from the native API",
    shows: "NtCreateFile, NtWriteFile and NtClose, straight from ntdll.dll",
    ladder: 3,
    imports: ["ntdll.dll"],
    image: "wine",
    ...noInput,
    expected: greeting("Hello from the native API!"),
  },
  {
    id: "hello-kernel",
    file: "hello-kernel.exe",
    source: "hello-kernel.c",
    title: "Hello from system calls",
    shows: "four bare syscall instructions, no import, no DLL in the process",
    ladder: 4,
    imports: [],
    image: "scratch",
    ...noInput,
    expected: greeting("Hello from the kernel's own door!"),
  },
  {
    id: "hello-printf",
    file: "hello-printf.exe",
    source: "hello-printf.c",
    title: "printf",
    shows: "console output, arguments, and floating-point conversions to the last digit",
    imports: ["msvcrt.dll", "kernel32.dll"],
    image: "wine",
    ...noInput,
    arguments: ["one", "two words"],
    expected: {
      end: "exit",
      status: 0,
      stdout: lines(
        "Hello, world!",
        "integers:  -42 42 0xbeef 4611686018427387904",
        "reals:     3.14159 6.022141e+23 0.333333 0.10000000000000001",
        "fields:    [   right] [left    ] [0001.414] [+7]",
        "rounding:  0 2 2",
        "limits:    inf 4.94066e-324 nan",
        "argument:  one",
        "argument:  two words",
      ),
      files: [],
    },
  },
  {
    id: "cpp-exceptions",
    file: "cpp-exceptions.exe",
    source: "cpp-exceptions.cpp",
    title: "C++ exceptions",
    shows: "exceptions unwinding real frames through ntdll, destructors on the way, and iostream",
    imports: ["msvcrt.dll", "kernel32.dll"],
    image: "wine",
    ...noInput,
    expected: {
      end: "exit",
      status: 0,
      stdout: lines(
        "enter 0",
        "  enter 1",
        "    enter 2",
        "      enter 3",
        "      leave 3",
        "    leave 2",
        "  leave 1",
        "leave 0",
        "caught: too deep, code 42",
        "    enter 2",
        "      enter 3",
        "      leave 3",
        "    leave 2",
        "caught: wrapped, around: too deep",
        "caught: out of range",
        "the: 3, different words: 10",
        "0.667 0xbeef",
      ),
      files: [],
    },
  },
  {
    id: "read-input",
    file: "read-input.exe",
    source: "read-input.c",
    title: "Arguments, a file, standard input",
    shows: "everything that a program can be given: change it and run again",
    imports: ["msvcrt.dll", "kernel32.dll"],
    image: "wine",
    arguments: ["C:\\poem.txt", "and more"],
    stdin: "glazed with rain\nwater\n",
    given: [poem],
    expected: {
      end: "exit",
      status: 0,
      stdout: lines(
        "argument 1: C:\\poem.txt",
        "argument 2: and more",
        "SystemDrive: C:",
        "C:\\poem.txt",
        "   1  So much depends",
        "   2  upon",
        "   3  ",
        "   4  a red wheel",
        "   5  barrow",
        "standard input",
        "   1  glazed with rain",
        "   2  water",
      ),
      files: [],
    },
  },
  {
    id: "files",
    file: "files.exe",
    source: "files.c",
    title: "Ten files",
    shows: "files and folders created, renamed, moved, extended and deleted",
    imports: ["msvcrt.dll", "kernel32.dll"],
    image: "wine",
    ...noInput,
    expected: {
      end: "exit",
      status: 0,
      stdout: lines(
        "letters\\",
        "  page-1.txt  17",
        "  page-2.txt  30",
        "  page-5.txt  17",
        "  page-8.txt  17",
        "page-3.txt  17",
        "page-6.txt  17",
        "page-9.txt  17",
        "title.txt  17",
      ),
      files: [
        page("C:\\work\\title.txt", 0),
        page("C:\\work\\page-3.txt", 3),
        page("C:\\work\\page-6.txt", 6),
        page("C:\\work\\page-9.txt", 9),
        page("C:\\work\\letters\\page-1.txt", 1),
        page("C:\\work\\letters\\page-2.txt", 2, "It goes on.\r\n"),
        page("C:\\work\\letters\\page-5.txt", 5),
        page("C:\\work\\letters\\page-8.txt", 8),
      ],
    },
  },
  {
    id: "threads",
    file: "threads.exe",
    source: "threads.c",
    title: "Threads",
    shows: "threads, events, a critical section and thread-local storage",
    imports: ["msvcrt.dll", "kernel32.dll"],
    image: "wine",
    ...noInput,
    expected: {
      end: "exit",
      status: 0,
      stdout: lines(
        "worker 0 ended with 0x100",
        "worker 1 ended with 0x101",
        "worker 2 ended with 0x102",
        "worker 3 ended with 0x103",
        "guarded 4000, interlocked 4000, this thread's steps 0",
        "ping",
        "pong",
        "ping",
        "pong",
        "ping",
        "pong",
        "waiting 20 ms for what never comes: timeout",
      ),
      files: [],
    },
  },
  {
    id: "fault",
    file: "fault.exe",
    source: "fault.c",
    title: "A wild write",
    shows: "an access violation that nothing handles, and the report of it",
    imports: ["msvcrt.dll", "kernel32.dll"],
    image: "wine",
    ...noInput,
    expected: { end: "fault", status: 0xc0000005, stdout: lines("About to write to 0xdead0000."), files: [] },
  },
  {
    id: "loop",
    file: "loop.exe",
    source: "loop.c",
    title: "An endless loop",
    shows: "a program that only stops when it is told to",
    imports: ["msvcrt.dll", "kernel32.dll"],
    image: "wine",
    ...noInput,
    expected: { end: "never", stdout: lines("Counting for ever."), files: [] },
  },
];
