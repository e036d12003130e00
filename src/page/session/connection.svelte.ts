import type { Remote } from "comlink";
import type { SandboxWorker } from "../../worker/interface.ts";
import { connect } from "./connect.ts";
import type { Engine } from "./engine.ts";

/** The worker that was asked is gone; the answer will never come. */
export class EngineLost extends Error {}

const pingInterval = 500;

/** The worker's life: it is made at the first question, watched by pings, ended by force, and made again. */
export class Connection {
  /** Whole seconds for which the worker has not answered. */
  silence = $state(0);
  /** Whether the worker has the session that the page shows; not after a loss, until the next load. */
  holdsSession = $state(false);
  #engine: Engine | undefined;
  readonly #pending = new Set<(reason: EngineLost) => void>();
  readonly #onLoss: (reason: string) => void;
  #pingSent: number | undefined;

  constructor(onLoss: (reason: string) => void) {
    this.#onLoss = onLoss;
  }

  /** Rejects with EngineLost when the worker ends before it answers. */
  ask<T>(question: (sandbox: Remote<SandboxWorker>) => Promise<T>): Promise<T> {
    this.#engine ??= connect((reason) => this.end(reason));
    const { sandbox } = this.#engine;
    return new Promise<T>((resolve, reject) => {
      this.#pending.add(reject);
      void question(sandbox)
        .then(resolve, reject)
        .finally(() => this.#pending.delete(reject));
    });
  }

  async answersWithin(milliseconds: number): Promise<boolean> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const silence = new Promise<false>((resolve) => (timer = setTimeout(() => resolve(false), milliseconds)));
    const answer = this.ask((sandbox) => sandbox.ping()).then(
      () => true,
      () => false,
    );
    const answered = await Promise.race([answer, silence]);
    clearTimeout(timer);
    return answered;
  }

  /** Asks for a sign of life again and again; returns what ends the watch. */
  watch(): () => void {
    const timer = setInterval(() => {
      if (this.#pingSent !== undefined) {
        this.silence = Math.floor((performance.now() - this.#pingSent) / 1000);
        return;
      }
      this.#pingSent = performance.now();
      const answered = () => {
        this.#pingSent = undefined;
        this.silence = 0;
      };
      this.ask((sandbox) => sandbox.ping()).then(answered, answered);
    }, pingInterval);
    return () => {
      clearInterval(timer);
      this.#pingSent = undefined;
      this.silence = 0;
    };
  }

  /** Terminates the worker. Every open question is rejected; the next question makes a fresh one. */
  end(reason: string): void {
    if (this.#engine === undefined) return;
    this.#engine.terminate();
    this.#engine = undefined;
    this.holdsSession = false;
    const open = [...this.#pending];
    this.#pending.clear();
    for (const reject of open) reject(new EngineLost(reason));
    this.#onLoss(reason);
  }
}
