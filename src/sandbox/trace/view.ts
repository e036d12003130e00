/** What a viewer sees of the trace: text that was made from the recorded columns when somebody looked. Structured-clonable. */

/** Severity of a result, from the top two bits of an NTSTATUS; `none` where there is no status. */
export type Severity = "success" | "informational" | "warning" | "error" | "none";

export interface TraceRow {
  readonly sequence: number;
  readonly kind: "call" | "exception" | "module" | "process" | "thread" | "debug" | "file";
  /** Virtual time in ms. */
  readonly time: number;
  readonly process: number;
  readonly thread: number;
  readonly name: string;
  /** File, Registry, Memory, Section, Process, Thread, Synchronization, Object, Token, Time, Information, Port, Exception, Other. */
  readonly family: string;
  /** The arguments in one line, most telling first. */
  readonly summary: string;
  readonly result: string;
  readonly severity: Severity;
  /** The file or key that the event is about, when there is one. */
  readonly path: string | undefined;
  readonly unimplemented: boolean;
}

export interface TraceParameter {
  readonly name: string;
  readonly direction: "in" | "out" | "inout";
  readonly type: string;
  readonly text: string;
  readonly fields?: readonly { readonly name: string; readonly text: string }[];
  /** First bytes of a buffer. */
  readonly bytes?: Uint8Array;
  readonly path?: string;
}

export interface TraceDetail {
  readonly row: TraceRow;
  readonly instructions: number;
  readonly parameters: readonly TraceParameter[];
  readonly status: { readonly code: string; readonly name: string } | undefined;
  /** Module and offset of the caller, such as `msvcrt.dll+0x1c4`, and its address. */
  readonly caller: string;
  readonly returnAddress: string;
  /** How well the service is implemented, and why not better. */
  readonly support: string;
}
