/** Emission: the emitting half of a vibrator, from a call through interception and admission into the medium. */

import { expected } from "../../errors.ts";
import type { Recorder } from "../../medium/recorder.ts";
import type { Channel } from "../../wave/channel.ts";
import type { Reflection } from "../../wave/reflection.ts";
import type { Origin, Wave } from "../../wave/wave.ts";
import { deferred } from "../deferred.ts";
import type { Draft, Interceptors } from "../interceptors.ts";
import {
  type CheckedEmit,
  type CheckedQuery,
  DEFAULT_TIMEOUT_MS,
  type EmitOptions,
  emitOptionsOf,
  type GatherOptions,
  type QueryOptions,
  queryOptionsOf,
  refuseResend,
} from "../options.ts";
import { type Receipt, receiptOf } from "../receipt.ts";
import type { Emitting, Handling } from "../receiving/handling.ts";
import { validate } from "./admission.ts";
import { Asking, type AskingParts } from "./asking.ts";
import { Keeping, type KeepingParts } from "./keeping.ts";
import { Outgoing, type OutgoingParts } from "./outgoing.ts";
import type { Outcome, Pending } from "./pending.ts";
import { type Cause, causeOf, outcomeOf } from "./propagation.ts";
import { type RepeatOptions, type RepeatReceipt, Repeats, type RepeatsParts } from "./repeats.ts";
import { type Use, Uses, type UsesParts } from "./uses.ts";
import { whenRoom } from "./when-room.ts";

/** What all emissions of one aether share. */
export interface EmissionParts extends UsesParts, OutgoingParts, AskingParts, RepeatsParts, KeepingParts {
  readonly interceptors: Interceptors;
}

/** A query is asked, not emitted. */
type EmitKind = Exclude<Draft["kind"], "query">;

/** The emitting half of one vibrator. */
export class Emission implements Emitting {
  readonly #parts: EmissionParts;
  readonly #origin: Origin;
  readonly #uses: Uses;
  readonly #outgoing: Outgoing;
  readonly #asking: Asking;
  readonly #keeping: Keeping;
  /** Made when a wave is first repeated. */
  #repeats: Repeats | undefined;
  /** Calls that ended before there was a wave. */
  refused = 0;

  constructor(parts: EmissionParts, origin: Origin, onReflection: (reflection: Reflection) => void) {
    this.#parts = parts;
    this.#origin = origin;
    this.#uses = new Uses(parts, origin);
    this.#outgoing = new Outgoing(parts);
    this.#asking = new Asking(parts, this.#outgoing, onReflection);
    this.#keeping = new Keeping(parts, this.#outgoing);
  }

  get emitted(): number {
    return this.#outgoing.emitted;
  }

  get faded(): number {
    return this.#outgoing.faded;
  }

  get exhausted(): number {
    return this.#outgoing.exhausted;
  }

  /** The channels emitted on, with how many waves, as far as they are remembered. */
  channels(): Iterable<{ readonly channel: string; readonly waves: number }> {
    return this.#uses.channels();
  }

  emit(
    channel: string | Channel,
    payload: unknown,
    given: EmitOptions | undefined,
    within: Handling | undefined,
  ): Promise<Receipt> {
    try {
      const use = this.#uses.of(channel);
      const options = emitOptionsOf(given);
      const cause = causeOf(options.cause, within);
      const kind = options.kind ?? use.contract?.kind ?? "event";
      if (this.#parts.interceptors.around(kind)) {
        return this.#intercepted(use, kind, payload, given, cause, (draft) => this.#emitDraft(draft, within));
      }
      return this.#admit(use, kind, payload, options, cause);
    } catch (error) {
      this.refused++;
      return Promise.reject(error);
    }
  }

  async #emitDraft(draft: Draft, within: Handling | undefined): Promise<Receipt> {
    const { kind, payload } = draft;
    if (kind === "query") {
      throw expected("kind", "the one the interceptor was given", kind);
    }
    const launched = this.#counted(() => {
      const options = emitOptionsOf(draft.options);
      return this.#admit(this.#useOf(draft), kind, payload, options, causeOf(options.cause, within));
    });
    return await launched;
  }

  /** The first step of the street; asynchronous only where the schema is, or where room must be waited for. */
  #admit(use: Use, kind: EmitKind, payload: unknown, options: CheckedEmit, cause: Cause): Promise<Receipt> {
    const checking =
      use.recorder === undefined ? validate(use.contract, payload) : declared(use, use.recorder, payload);
    // As `mayLeave`, written out: every emit comes by here.
    if (checking === undefined && use.tail === undefined && options.whenFull !== "wait") {
      return this.#launch(use, kind, payload, options, cause);
    }
    return this.#later(checking, use, options, () => this.#launch(use, kind, payload, options, cause));
  }

  #launch(use: Use, kind: EmitKind, payload: unknown, options: CheckedEmit, cause: Cause): Promise<Receipt> {
    if (use.recorder !== undefined && isRecorded(use, use.recorder)) {
      return this.#keeping.emit(use.recorder, use, kind, payload, options, cause);
    }
    if (kind === "command") {
      return this.#asking.command(use, payload, options, cause);
    }
    if (options.resend !== undefined) {
      refuseResend(options, kind);
    }
    const { signal } = options;
    if (signal?.aborted) {
      throw signal.reason;
    }
    const wave = this.#outgoing.compose(use, kind, payload, options, cause, undefined);
    const outcome = outcomeOf(wave, this.#parts.physics);
    if (outcome !== "travelled") {
      this.#outgoing.lost(wave, outcome);
      return Promise.resolve({ id: wave.id, outcome });
    }
    const heard = use.outlet.propagate(wave);
    if (heard instanceof Promise) {
      return heard.then((groups) => this.#receipt(wave, groups));
    }
    return Promise.resolve(this.#receipt(wave, heard));
  }

  #receipt(wave: Wave, heard: number | undefined): Receipt {
    this.#outgoing.travelled(wave, heard);
    return receiptOf(wave, heard);
  }

  /** As `Vibrator.repeat`. */
  async repeat(wave: Wave, options: RepeatOptions = {}): Promise<RepeatReceipt> {
    this.#repeats ??= new Repeats(this.#parts, this.#origin, this.#uses, this.#outgoing);
    try {
      const receipt = await this.#repeats.repeat(wave, options);
      this.refused += receipt.outcome === "refused" ? 1 : 0;
      return receipt;
    } catch (error) {
      this.refused++;
      throw error;
    }
  }

  query(
    channel: string | Channel,
    payload: unknown,
    given: QueryOptions | undefined,
    within: Handling | undefined,
  ): Promise<Wave> {
    try {
      const use = this.#uses.of(channel);
      const options = queryOptionsOf(given);
      const cause = causeOf(options.cause, within);
      if (this.#parts.interceptors.around("query")) {
        return this.#intercepted(use, "query", payload, given, cause, (draft) =>
          this.#counted(() => {
            const changed = queryOptionsOf(draft.options);
            return this.#query(this.#useOf(draft), draft.payload, changed, causeOf(changed.cause, within), within);
          }),
        );
      }
      return this.#query(use, payload, options, cause, within);
    } catch (error) {
      this.refused++;
      return Promise.reject(error);
    }
  }

  #query(use: Use, payload: unknown, options: CheckedQuery, cause: Cause, within: Handling | undefined): Promise<Wave> {
    const checking = validate(use.contract, payload);
    if (mayLeave(checking, use, options)) {
      return this.#asking.query(use, payload, options, cause, within);
    }
    return this.#later(checking, use, options, () => this.#asking.query(use, payload, options, cause, within));
  }

  /** Asks everybody; `outcome` is told of each answer and of the end. Throws what `emit` would reject with. */
  gather(
    channel: string | Channel,
    payload: unknown,
    given: GatherOptions | undefined,
    within: Handling | undefined,
    outcome: Outcome,
  ): Pending {
    return this.#counted(() => {
      const use = this.#uses.of(channel);
      const options = emitOptionsOf(given);
      const cause = causeOf(options.cause, within);
      const pending = this.#asking.gathering(options, cause, outcome);
      const launching = this.#parts.interceptors.around("query")
        ? this.#intercepted(use, "query", payload, given, cause, (draft) =>
            this.#counted(() => {
              const changed = emitOptionsOf(draft.options);
              const changedCause = causeOf(changed.cause, within);
              return this.#gather(pending, this.#useOf(draft), draft.payload, changed, changedCause, within);
            }),
          )
        : this.#gather(pending, use, payload, options, cause, within);
      launching.catch((error: unknown) => pending.cancel(error));
      return pending;
    });
  }

  #gather(
    pending: Pending,
    use: Use,
    payload: unknown,
    options: CheckedEmit,
    cause: Cause,
    within: Handling | undefined,
  ): Promise<Receipt> {
    const launch = (): Promise<Receipt> => this.#asking.gather(pending, use, payload, options, cause, within);
    const checking = validate(use.contract, payload);
    return mayLeave(checking, use, options) ? launch() : this.#later(checking, use, options, launch);
  }

  /** Launches when the payload has been checked and, if it is asked for, everybody has room. */
  async #later<T>(
    checking: void | Promise<void>,
    use: Use,
    options: CheckedEmit,
    launch: () => Promise<T>,
  ): Promise<T> {
    const { link, deadlines } = this.#parts;
    const { whenFull, signal, timeoutMs = DEFAULT_TIMEOUT_MS } = options;
    const launchIfOpen = (): Promise<T> => {
      this.#uses.assertOpen();
      return launch();
    };
    const before = use.tail;
    const { promise: left, resolve } = deferred<void>();
    use.tail = left;
    const leave = (): void => {
      use.tail = use.tail === left ? undefined : use.tail;
      resolve();
    };
    let launched: Promise<T>;
    try {
      await inTurn(before, checking);
      if (whenFull === "wait") {
        leave(); // Who only waits for room lets the others pass.
        ({ launched } = await whenRoom(use.channel, { timeoutMs, signal }, link, deadlines, launchIfOpen));
      } else {
        launched = launchIfOpen();
      }
    } catch (error) {
      this.refused++;
      throw error;
    } finally {
      leave();
    }
    return await launched;
  }

  /** Calls `step`, and counts it when it throws: then the emit was refused before there was a wave. */
  #counted<T>(step: () => T): T {
    try {
      return step();
    } catch (error) {
      this.refused++;
      throw error;
    }
  }

  /** Lets the interceptors have what is about to be emitted, and then `last`. */
  #intercepted<R>(
    { channel, contract }: Use,
    kind: Draft["kind"],
    payload: unknown,
    options: EmitOptions & QueryOptions = {},
    { wave }: Cause,
    last: (draft: Draft) => Promise<R>,
  ): Promise<R> {
    const { source } = this.#origin;
    return this.#parts.interceptors.emit({ channel, contract, kind, payload, options, source, cause: wave }, last);
  }

  /** The channel of a draft, which an interceptor may have changed. */
  #useOf({ channel, contract }: Draft): Use {
    return this.#uses.of(contract?.name === channel ? contract : channel);
  }

  /** Resolves when what was emitted on recorded channels is kept, or after `patienceMs`. */
  drain(patienceMs: number): Promise<void> {
    return this.#keeping.drain(patienceMs);
  }

  /** Refuses everything from now on, and ends everybody who waits. */
  close(): void {
    this.#uses.close();
    this.#asking.close(() => this.#uses.closedError());
    this.#keeping.close();
  }
}

/** Checks the payload, and has a channel recorded whose contract says so, if it is not yet. */
function declared(use: Use, recorder: Recorder, payload: unknown): void | Promise<void> {
  const checking = validate(use.contract, payload);
  if (use.contract?.recorded !== true || isRecorded(use, recorder)) {
    return checking;
  }
  return Promise.all([checking, recorder.declare([use.channel])]).then(() => undefined);
}

function isRecorded(use: Use, recorder: Recorder): boolean {
  use.recorded ||= recorder.records(use.channel);
  return use.recorded;
}

/** Waits for those before and for the schema, which begins at once, so that waves leave in the order of their emits. */
async function inTurn(before: Promise<void> | undefined, checking: void | Promise<void>): Promise<void> {
  const checked = Promise.allSettled([checking]);
  await before;
  const [result] = await checked;
  if (result.status === "rejected") {
    throw result.reason;
  }
}

/** Whether nothing has to be waited for: no schema, nobody in front, and no room. */
function mayLeave(checking: void | Promise<void>, use: Use, options: CheckedEmit): boolean {
  return checking === undefined && use.tail === undefined && options.whenFull !== "wait";
}
