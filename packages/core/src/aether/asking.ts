/** Asking: the commands, queries and gathers of one vibrator, from a composed wave to the end of its exchange. */

import { AetherError } from "../errors.ts";
import type { Physics } from "../physics/physics.ts";
import { readAnswer } from "../wave/channel.ts";
import type { Reflection } from "../wave/reflection.ts";
import type { Wave } from "../wave/wave.ts";
import type { Deadlines } from "./deadlines.ts";
import { deferred } from "./deferred.ts";
import type { Handling } from "./handling.ts";
import { type CheckedEmit, DEFAULT_TIMEOUT_MS } from "./options.ts";
import type { Outgoing } from "./outgoing.ts";
import { type Outcome, Pending, type PendingHost } from "./pending.ts";
import { type Cause, outcomeOf } from "./propagation.ts";
import { type Receipt, receiptOf } from "./receipt.ts";
import type { TickTime } from "./tick-time.ts";
import type { Use } from "./uses.ts";

/** What asking needs of an aether. */
export interface AskingParts {
  readonly physics: Physics;
  readonly time: TickTime;
  readonly deadlines: Deadlines;
}

/** The open exchanges of one vibrator, as their emitter. What it is given has been admitted. */
export class Asking implements PendingHost {
  readonly #parts: AskingParts;
  readonly #outgoing: Outgoing;
  readonly #onReflection: (reflection: Reflection) => void;

  constructor(parts: AskingParts, outgoing: Outgoing, onReflection: (reflection: Reflection) => void) {
    this.#parts = parts;
    this.#outgoing = outgoing;
    this.#onReflection = onReflection;
  }

  /** Resolves when the first receiver has taken the command. */
  command(use: Use, payload: unknown, options: CheckedEmit, cause: Cause): Promise<Receipt> {
    const { promise, resolve, reject } = deferred<Receipt>();
    const pending = new Pending("command", inheritedDeadline(cause), this, {
      admitted: (heard) => resolve(receiptOf(wave, heard)),
      ended: reject,
    });
    const wave = this.#outgoing.compose(use, "command", payload, options, cause, pending);
    this.#send(use, wave, pending, options, undefined);
    return promise;
  }

  /** Resolves to the first response, parsed by the contract's `reply`. */
  query(use: Use, payload: unknown, options: CheckedEmit, cause: Cause, within: Handling | undefined): Promise<Wave> {
    const { promise, resolve, reject } = deferred<Wave>();
    const reply = use.contract?.reply;
    const answered = reply === undefined ? resolve : (response: Wave) => resolve(readAnswer(reply, response));
    const pending = this.#pend("query", options, cause, { answered, ended: reject });
    const wave = this.#outgoing.compose(use, "query", payload, options, cause, pending);
    this.#send(use, wave, pending, options, within);
    return promise;
  }

  /** The exchange of a gather whose wave is still to be made: its time runs from now on. */
  gathering(options: CheckedEmit, cause: Cause, outcome: Outcome): Pending {
    return this.#pend("gather", options, cause, outcome);
  }

  /** Asks everybody, unless `pending` has ended by now. */
  gather(
    pending: Pending,
    use: Use,
    payload: unknown,
    options: CheckedEmit,
    cause: Cause,
    within: Handling | undefined,
  ): Promise<Receipt> {
    const wave = this.#outgoing.compose(use, "query", payload, options, cause, pending);
    if (!pending.ended) {
      this.#send(use, wave, pending, options, within);
    }
    return Promise.resolve(receiptOf(wave, undefined));
  }

  #pend(kind: "query" | "gather", options: CheckedEmit, cause: Cause, outcome: Outcome): Pending {
    const own = this.now() + (options.timeoutMs ?? DEFAULT_TIMEOUT_MS);
    return new Pending(kind, Math.min(own, inheritedDeadline(cause)), this, outcome);
  }

  /** Sends a wave that has a way back, and makes its end known to all that may end it. */
  #send(use: Use, wave: Wave, pending: Pending, options: CheckedEmit, within: Handling | undefined): void {
    const { physics, deadlines } = this.#parts;
    const { signal } = options;
    pending.launch(wave);
    if (signal?.aborted) {
      pending.cancel(signal.reason);
      return;
    }
    const outcome = outcomeOf(wave, physics);
    if (outcome !== "travelled") {
      this.#outgoing.lost(wave, outcome);
      pending.cancel(lostError(wave, outcome));
      return;
    }
    const now = this.now();
    const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    const leftMs = Math.min(timeoutMs, pending.deadline - now);
    if (leftMs <= 0) {
      pending.expire();
      return;
    }
    deadlines.add(pending, leftMs, now);
    if (signal !== undefined) {
      const onAbort = (): void => pending.cancel(signal.reason);
      signal.addEventListener("abort", onAbort, { once: true });
      pending.onEnd(() => signal.removeEventListener("abort", onAbort));
    }
    if (within !== undefined && !within.settled) {
      pending.onEnd(within.onAbort((reason) => pending.cancel(reason)));
    }
    const heard = use.outlet.propagate(wave);
    if (heard instanceof Promise) {
      heard.then(
        (groups) => this.#launched(wave, pending, groups),
        (error: unknown) => pending.cancel(error),
      );
    } else {
      this.#launched(wave, pending, heard);
    }
  }

  #launched(wave: Wave, pending: Pending, heard: number | undefined): void {
    this.#outgoing.travelled(wave, heard);
    pending.launched(heard);
  }

  now(): number {
    return this.#parts.time.moment.at;
  }

  release(pending: Pending): void {
    this.#parts.deadlines.remove(pending);
  }

  watch(pending: Pending): void {
    const now = this.now();
    this.#parts.deadlines.add(pending, pending.deadline - now, now);
  }

  reflected(reflection: Reflection): void {
    if (this.#parts.physics.reflects) {
      this.#onReflection(reflection);
    }
  }

  /** Ends everybody who waits, each with an error that `errorOf` makes. */
  close(errorOf: () => AetherError): void {
    for (const deadline of this.#parts.deadlines.all()) {
      if (deadline instanceof Pending && deadline.host === this) {
        deadline.cancel(errorOf());
      }
    }
  }
}

/** When whoever waits for the cause stops waiting. */
function inheritedDeadline({ wave }: Cause): number {
  return wave?.exchange?.deadline ?? Number.POSITIVE_INFINITY;
}

/** Why a wave that somebody waits for did not get across. */
export function lostError(wave: Wave, outcome: "faded" | "exhausted"): AetherError {
  const { id, channel, kind, hops, amplitude } = wave;
  const details = { id, channel, hops, amplitude };
  return outcome === "exhausted"
    ? new AetherError("AETHER_EXHAUSTED", `The ${kind} on "${channel}" is over the hop limit: break the loop`, {
        details,
      })
    : new AetherError(
        "AETHER_FADED",
        `The ${kind} on "${channel}" is too quiet to cross the medium: raise its amplitude`,
        {
          details,
        },
      );
}
