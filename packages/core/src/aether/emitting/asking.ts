/** Asking: the commands, queries and gathers of one vibrator, from a composed wave to the end of its exchange. */

import { AetherError } from "../../errors.ts";
import type { Physics } from "../../physics/physics.ts";
import { ResendBudget } from "../../physics/resend.ts";
import { readAnswer } from "../../wave/channel.ts";
import type { Random } from "../../wave/ids.ts";
import type { Reflection } from "../../wave/reflection.ts";
import type { Moment, Wave } from "../../wave/wave.ts";
import type { Deadlines } from "../deadlines.ts";
import { deferred } from "../deferred.ts";
import { type CheckedEmit, type CheckedQuery, DEFAULT_TIMEOUT_MS, refuseResend } from "../options.ts";
import { type Receipt, receiptOf } from "../receipt.ts";
import type { Handling } from "../receiving/handling.ts";
import type { TickTime } from "../tick-time.ts";
import { type Hedge, Hedging } from "./hedging.ts";
import type { Outgoing } from "./outgoing.ts";
import { type Outcome, Pending, type PendingHost } from "./pending.ts";
import { type Cause, outcomeOf } from "./propagation.ts";
import { Resend } from "./resend.ts";
import type { Use } from "./uses.ts";

/** A wave that may be sent several times. */
interface Sendings {
  /** The exchange of the first sending. */
  readonly first: Pending;
  /** Tells which wave it is, just before it is sent. */
  begin(wave: Wave): void;
}

/** What asking needs of an aether. */
export interface AskingParts {
  readonly physics: Physics;
  readonly time: TickTime;
  readonly deadlines: Deadlines;
  readonly random: Random;
}

/** The open exchanges of one vibrator, as their emitter. What it is given has been admitted. */
export class Asking implements PendingHost {
  readonly #parts: AskingParts;
  readonly #outgoing: Outgoing;
  readonly #onReflection: (reflection: Reflection) => void;
  /** Made when the first query may be asked twice. */
  #hedging: Hedging | undefined;

  constructor(parts: AskingParts, outgoing: Outgoing, onReflection: (reflection: Reflection) => void) {
    this.#parts = parts;
    this.#outgoing = outgoing;
    this.#onReflection = onReflection;
  }

  /** Resolves when the first receiver has taken the command. */
  command(use: Use, payload: unknown, options: CheckedEmit, cause: Cause): Promise<Receipt> {
    const { promise, resolve, reject } = deferred<Receipt>();
    const deadline = inheritedDeadline(cause);
    const outcome: Outcome = { admitted: (heard) => resolve(receiptOf(wave, heard)), ended: reject };
    const sendings = this.#sendings("command", outcome, use, options, undefined, deadline);
    const pending = sendings?.first ?? new Pending("command", deadline, this, outcome);
    const wave = this.#outgoing.compose(use, "command", payload, options, cause, pending);
    sendings?.begin(wave);
    this.#send(use, wave, pending, options, undefined);
    return promise;
  }

  /** Resolves to the first response, parsed by the contract's `reply`. */
  query(use: Use, payload: unknown, options: CheckedQuery, cause: Cause, within: Handling | undefined): Promise<Wave> {
    const { promise, resolve, reject } = deferred<Wave>();
    const reply = use.contract?.reply;
    const answered = reply === undefined ? resolve : (response: Wave) => resolve(readAnswer(reply, response));
    const deadline = this.#deadline(options, cause);
    const hedge = this.#hedge(use, options);
    const outcome: Outcome = { answered: hedge === undefined ? answered : this.#timed(answered, hedge), ended: reject };
    const sendings = this.#sendings("query", outcome, use, options, within, deadline);
    const pending = sendings?.first ?? new Pending("query", deadline, this, outcome);
    const wave = this.#outgoing.compose(use, "query", payload, options, cause, pending);
    sendings?.begin(wave);
    if (hedge === undefined) {
      this.#send(use, wave, pending, options, within);
    } else {
      pending.remember();
      this.#send(use, wave, pending, options, within);
      this.#sendAgainLater(use, wave, pending, hedge);
    }
    return promise;
  }

  /** With `resend`: the exchange of the first sending, whose end is the beginning of the next. */
  #sendings(
    kind: "command" | "query",
    outcome: Outcome,
    use: Use,
    options: CheckedEmit,
    within: Handling | undefined,
    deadline: number,
  ): Sendings | undefined {
    const law = options.resend;
    if (law === undefined) {
      return undefined;
    }
    const { random, time, deadlines } = this.#parts;
    use.resends ??= new ResendBudget();
    let wave: Wave | undefined;
    const next = (): Pending => {
      const ended = (error: unknown): void => resend.ended(pending, error);
      const pending = new Pending(kind, deadline, this, { ...outcome, ended });
      return pending;
    };
    const resend: Resend = new Resend(this, {
      law,
      budget: use.resends,
      random,
      end: Math.min(deadline, this.now() + (options.timeoutMs ?? DEFAULT_TIMEOUT_MS)),
      now: () => this.now(),
      send: (timeoutMs) => {
        if (wave !== undefined) {
          const pending = next();
          this.#trySend(use, wave.again(time.moment, pending), pending, { ...options, timeoutMs }, within);
        }
      },
      wait: (waiting, delayMs, now) => {
        deadlines.add(waiting, delayMs, now);
        const undo = cancelledBy(options.signal, within, (reason) => waiting.cancel(reason));
        return () => {
          deadlines.remove(waiting);
          undo();
        };
      },
      reject: outcome.ended,
    });
    const begin = (first: Wave): void => {
      wave = first;
      resend.begin(first);
    };
    return { first: next(), begin };
  }

  /** As {@link #send} for those that nobody calls: what it throws ends the exchange. */
  #trySend(use: Use, wave: Wave, pending: Pending, options: CheckedEmit, within: Handling | undefined): void {
    try {
      this.#send(use, wave, pending, options, within);
    } catch (error) {
      pending.cancel(error);
    }
  }

  #hedge({ channel }: Use, { hedge }: CheckedQuery): Hedge | undefined {
    if (hedge === undefined || !this.#parts.physics.diffracts) {
      return undefined;
    }
    this.#hedging ??= new Hedging();
    return this.#hedging.begin(channel, hedge, this.now());
  }

  /** `answered`, after the time that the answer took was noted. */
  #timed(answered: (response: Wave) => void, hedge: Hedge): (response: Wave) => void {
    return (response) => {
      hedge.answered(this.now());
      answered(response);
    };
  }

  /** Asks others as well when there is no answer in good time. The first answer ends the exchange for all. */
  #sendAgainLater(use: Use, wave: Wave, pending: Pending, hedge: Hedge): void {
    const { afterMs } = hedge;
    if (afterMs === undefined || pending.ended) {
      return;
    }
    const again = (): void => {
      const copy = wave.sentAgain(pending.had);
      if (pending.had.length > 0 && hedge.allowed && outcomeOf(copy, this.#parts.physics) === "travelled") {
        this.#propagateAgain(use, copy, pending, hedge);
      }
    };
    pending.onEnd(this.#parts.deadlines.after(afterMs, again));
  }

  #propagateAgain(use: Use, copy: Wave, pending: Pending, hedge: Hedge): void {
    // What comes of it, the exchange is told by those who take it.
    try {
      const heard = use.outlet.propagate(copy);
      if (heard instanceof Promise) {
        heard.catch((error: unknown) => pending.cancel(error));
      }
      if (heard !== 0) {
        hedge.spent();
      }
    } catch (error) {
      pending.cancel(error);
    }
  }

  /** The exchange of a gather whose wave is still to be made: its time runs from now on. */
  gathering(options: CheckedEmit, cause: Cause, outcome: Outcome): Pending {
    refuseResend(options, "gather");
    return new Pending("gather", this.#deadline(options, cause), this, outcome);
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

  #deadline(options: CheckedEmit, cause: Cause): number {
    const own = this.now() + (options.timeoutMs ?? DEFAULT_TIMEOUT_MS);
    return Math.min(own, inheritedDeadline(cause));
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
    if (signal !== undefined || within !== undefined) {
      pending.onEnd(cancelledBy(signal, within, (reason) => pending.cancel(reason)));
    }
    try {
      const heard = use.outlet.propagate(wave);
      if (heard instanceof Promise) {
        heard.then(
          (groups) => this.#launched(wave, pending, groups),
          (error: unknown) => pending.cancel(error),
        );
      } else {
        this.#launched(wave, pending, heard);
      }
    } catch (error) {
      pending.cancel(error); // Its medium has refused it: nobody else ends it.
    }
  }

  #launched(wave: Wave, pending: Pending, heard: number | undefined): void {
    this.#outgoing.travelled(wave, heard);
    pending.launched(heard);
  }

  now(): number {
    return this.#parts.time.moment.at;
  }

  moment(): Moment {
    return this.#parts.time.moment;
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
      if ((deadline instanceof Pending || deadline instanceof Resend) && deadline.host === this) {
        deadline.cancel(errorOf());
      }
    }
  }
}

/** Calls `cancel` when `signal` aborts or the handler is told to stop in which it is waited for; returns the undo. */
function cancelledBy(
  signal: AbortSignal | undefined,
  within: Handling | undefined,
  cancel: (reason: unknown) => void,
): () => void {
  const onAbort = (): void => cancel(signal?.reason);
  signal?.addEventListener("abort", onAbort, { once: true });
  const undo = within === undefined || within.settled ? undefined : within.onAbort(cancel);
  return () => {
    signal?.removeEventListener("abort", onAbort);
    undo?.();
  };
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
