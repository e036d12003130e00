import { stateClass } from "./state.ts";
import type { Waitable } from "./dispatcher-object.ts";

/** No deadline. */
export const FOREVER = Infinity;

/**
 * What a service returns when its thread must wait: a record, so that it can be saved. When the wait ends the service either
 * returns the wait's status, or (`restart`) is run again from its arguments.
 */
export class Wait {
  readonly objects: readonly Waitable[];
  /** Satisfied by all objects at once instead of by any of them. */
  readonly all: boolean;
  /** Interrupt time in 100 ns units at which it ends with STATUS_TIMEOUT. */
  readonly deadline: number;
  /** User APCs and alerts end it. */
  readonly alertable: boolean;
  readonly restart: boolean;
  /** Ended from outside (an alert by thread id, a keyed event's wake) with this reason as key. */
  readonly key: number | undefined;
  constructor(options: {
    readonly objects?: readonly Waitable[];
    readonly all?: boolean;
    readonly deadline?: number;
    readonly alertable?: boolean;
    readonly restart?: boolean;
    readonly key?: number | undefined;
  }) {
    this.objects = options.objects ?? [];
    this.all = options.all ?? false;
    this.deadline = options.deadline ?? FOREVER;
    this.alertable = options.alertable ?? false;
    this.restart = options.restart ?? false;
    this.key = options.key;
  }
}
stateClass("Wait", Wait);
