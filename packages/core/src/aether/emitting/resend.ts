/** Resending: a command or query that nobody took is sent again, while it is worth it. docs/physics.md §2. */

import { AetherError } from "../../errors.ts";
import { type ResendBudget, type ResendLaw, resendDelayMs } from "../../physics/resend.ts";
import type { Random } from "../../wave/ids.ts";
import type { Wave } from "../../wave/wave.ts";
import { Deadline } from "../deadlines.ts";
import type { Pending } from "./pending.ts";

/** What a resend works with. */
export interface ResendParts {
  readonly law: ResendLaw;
  readonly budget: ResendBudget;
  readonly random: Random;
  /** When whoever waits for the wave stops waiting, in monotonic milliseconds. */
  readonly end: number;
  now(): number;
  /** Sends the wave once more, with `leftMs` to its end. */
  send(leftMs: number): void;
  /** Lets `resend` expire after `delayMs`; returns the undo, also for what ends the wait early. */
  wait(resend: Resend, delayMs: number, now: number): () => void;
  /** Nothing more will be tried. */
  reject(error: unknown): void;
}

/** Codes that say that nobody took the wave, and that this may be otherwise later. */
const NOT_TAKEN: ReadonlySet<string> = new Set(["AETHER_NO_RESONATOR", "AETHER_SHED", "AETHER_DRAINING"]);

/** The sendings of one wave. Between two of them it waits among the deadlines. */
export class Resend extends Deadline {
  readonly host: object;
  readonly #parts: ResendParts;
  #wave: Wave | undefined;
  #sent = 1;
  #error: unknown;
  #undo: (() => void) | undefined;

  constructor(host: object, parts: ResendParts) {
    super();
    this.host = host;
    this.#parts = parts;
  }

  /** The wave is sent for the first time. */
  begin(wave: Wave): void {
    this.#wave = wave;
    this.#parts.budget.sent(this.#parts.now());
  }

  /** A sending has ended with `error`: the wave waits for the next, or is given up. */
  ended(pending: Pending, error: unknown): void {
    const { law, budget, random, end, now, reject, wait } = this.#parts;
    const isOpen = error instanceof AetherError && NOT_TAKEN.has(error.code) && pending.untouched;
    if (!isOpen || this.#sent >= law.attempts) {
      reject(error);
      return;
    }
    const at = now();
    const asked: unknown = error.details["retryAfterMs"];
    const leastMs = typeof asked === "number" && asked > 0 ? asked : 0;
    const delayMs = Math.ceil(resendDelayMs(this.#sent - 1, random(), law, leastMs));
    const next = at + delayMs;
    if (next >= end || this.#wave === undefined || this.#wave.hasFaded(next) || !budget.take(at, law.budget)) {
      reject(error);
      return;
    }
    this.#error = error;
    this.#undo = wait(this, delayMs, at);
  }

  expire(): void {
    const { end, now, send } = this.#parts;
    this.#undo?.();
    this.#undo = undefined;
    const leftMs = end - now();
    if (leftMs <= 0 || this.#wave?.hasFaded(now()) !== false) {
      this.#parts.reject(this.#error);
      return;
    }
    this.#sent++;
    send(leftMs);
  }

  /** Gives up while it waits. */
  cancel(error: unknown): void {
    this.#undo?.();
    this.#undo = undefined;
    this.#parts.reject(error);
  }
}
