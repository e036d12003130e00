import type { Captured, CaptureContext, Scalar } from "../abi/type.ts";
import { NTSTATUS } from "../abi/status-type.ts";
import type { NtStatus } from "../abi/ntstatus.ts";
import type { Wait } from "../executive/wait.ts";
import type { DecodeContext, Parameter } from "./parameter.ts";
import type { ServiceCall } from "./service-call.ts";

export * from "./parameter.ts";
export type { ServiceCall } from "./service-call.ts";

/** How well a service is implemented. The reference table in docs/ prints it. */
export type Support =
  | { readonly level: "full" }
  /** Works for its common uses; `why` says what is not there. */
  | { readonly level: "partial"; readonly why: string }
  /** Declared, so that the trace decodes its arguments; returns STATUS_NOT_IMPLEMENTED. */
  | { readonly level: "missing" };

export const full: Support = { level: "full" };
export const missing: Support = { level: "missing" };
export function partial(why: string): Support {
  return { level: "partial", why };
}

/** The service does not return to its caller: the thread ended, or its context was replaced (NtContinue). */
export const NO_RETURN = Symbol("no return");

/** A status, a wait, or for the few services that return something else in RAX, that value. */
export type ServiceResult = NtStatus | bigint | Wait | typeof NO_RETURN;

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- a record of parameters of any types; inferred per service
export type Parameters = Readonly<Record<string, Parameter<any>>>;
export type Arguments<P extends Parameters> = { readonly [K in keyof P]: P[K] extends Parameter<infer T> ? T : never };

/** A system service: everything that dispatch, trace, page and reference know of it. Its numbers belong to a Windows build. */
export interface SystemService {
  readonly name: string;
  readonly support: Support;
  readonly parameters: readonly (readonly [name: string, parameter: Parameter<unknown>])[];
  readonly returns: Scalar<number> | Scalar<bigint>;
  /** The arguments by name. Throws GuestFault where a pointer that the kernel follows is bad. */
  decode(context: Omit<DecodeContext, "indexOf">): object;
  run(call: ServiceCall, args: object): ServiceResult;
  /** Undefined entries have nothing to show at that time. */
  captureBefore(args: object, context: CaptureContext): (Captured | undefined)[];
  captureAfter(args: object, context: CaptureContext): (Captured | undefined)[];
}

export interface ServiceDeclaration<P extends Parameters> {
  readonly support: Support;
  readonly params: P;
  /** NTSTATUS unless told otherwise. */
  readonly returns?: Scalar<number> | Scalar<bigint>;
  /** Left out where support is `missing`. */
  run?(call: ServiceCall, args: Arguments<P>): ServiceResult;
}

/** Declares a system service; see STYLE, "Declared once". The order of `params` is the order of the arguments. */
export function systemService<P extends Parameters>(name: string, declaration: ServiceDeclaration<P>): SystemService {
  const parameters = Object.entries(declaration.params) as [string, Parameter<unknown>][];
  const names = parameters.map(([parameter]) => parameter);
  const indexOf = (parameter: string): number => {
    const index = names.indexOf(parameter);
    if (index < 0) throw new Error(`${name} has no parameter ${parameter}`);
    return index;
  };
  const { run } = declaration;
  if ((run === undefined) !== (declaration.support.level === "missing")) {
    throw new Error(`${name}: a service has a body unless its support is missing`);
  }
  const capture = (one: (p: Parameter<unknown>, v: unknown) => Captured | undefined, args: object) =>
    parameters.map(([parameter, kind]) => one(kind, (args as Record<string, unknown>)[parameter]));
  return {
    name,
    support: declaration.support,
    parameters,
    returns: declaration.returns ?? NTSTATUS,
    decode({ source, memory }) {
      const context = { source, memory, indexOf };
      const args: Record<string, unknown> = {};
      for (let index = 0; index < parameters.length; index++) {
        args[names[index]] = parameters[index][1].decode(context, index);
      }
      return args;
    },
    run(call, args) {
      if (run === undefined) return call.notImplemented(name);
      return run.call(declaration, call, args as Arguments<P>);
    },
    captureBefore: (args, context) => capture((kind, v) => kind.captureBefore(v, context), args),
    captureAfter: (args, context) => capture((kind, v) => kind.captureAfter(v, context), args),
  };
}
