import type { ObjectType } from "../object-manager/kernel-object.ts";
import { objectType } from "../object-manager/kernel-object.ts";
import type { Thread } from "../process-manager/thread.ts";
import { DispatcherObject } from "./dispatcher-object.ts";
import { stateClass } from "./state.ts";

export const MutantType = objectType("Mutant", { read: 0x20001, write: 0x20000, execute: 0x120000, all: 0x1f0001 });

export class Mutant extends DispatcherObject {
  owner: Thread | undefined = undefined;
  /** How often the owner has acquired it. */
  recursion = 0;
  /** Its owner ended without releasing it. */
  abandoned = false;
  get type(): ObjectType {
    return MutantType;
  }
  isSignaled(thread: Thread): boolean {
    return this.owner === undefined || this.owner === thread;
  }
  override acquire(thread: Thread): boolean {
    if (this.owner === undefined) {
      this.owner = thread;
      thread.ownedMutants.push(this);
    }
    this.recursion++;
    const { abandoned } = this;
    this.abandoned = false;
    return abandoned;
  }
  /** The owner ends: the next thread that acquires it is told. */
  abandon(): void {
    this.recursion = 1;
    this.release();
    this.abandoned = true;
  }
  /** Gives one acquisition back; true when the mutant became free. */
  release(): boolean {
    if (--this.recursion > 0) return false;
    const owned = this.owner?.ownedMutants;
    owned?.splice(owned.indexOf(this), 1);
    this.owner = undefined;
    return true;
  }
}
stateClass("Mutant", Mutant);
