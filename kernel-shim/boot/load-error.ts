import type { PeErrorKind } from "../pe/index.ts";

/** Why a program could not be started; `message` is for people and says what to do next. */
export class LoadError extends Error {
  override readonly name = "LoadError";
  readonly kind: PeErrorKind | "not-found" | "missing-imports" | "image" | "memory";
  constructor(kind: LoadError["kind"], message: string) {
    super(message);
    this.kind = kind;
  }
}
