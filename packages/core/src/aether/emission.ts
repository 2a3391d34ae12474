/** Emission: the emitting half of a vibrator, from admission through propagation into the medium, and what comes back. */

import { AetherError, expected } from "../errors.ts";
import type { Link, Outlet } from "../medium/medium.ts";
import type { Physics } from "../physics/physics.ts";
import { Channel, parse, type Schema } from "../wave/channel.ts";
import { assertChannelName } from "../wave/channel-name.ts";
import type { Ids } from "../wave/ids.ts";
import { Recent } from "../wave/recent.ts";
import type { Reflection } from "../wave/reflection.ts";
import type { Origin, Wave } from "../wave/wave.ts";
import { type AdmissionLimits, assertSource, measure, prepare, validate } from "./admission.ts";
import type { Deadlines } from "./deadlines.ts";
import type { Emitting, Handling } from "./handling.ts";
import type { Draft, Interceptors } from "./interceptors.ts";
import type { Observers } from "./observers.ts";
import { type CheckedEmit, type EmitOptions, emitOptionsOf, type QueryOptions } from "./options.ts";
import { type Outcome, Pending, type PendingHost } from "./pending.ts";
import { type Cause, causeOf, compose, outcomeOf } from "./propagation.ts";
import type { Receipt } from "./receipt.ts";
import type { TickTime } from "./tick-time.ts";

/** What all emissions of one aether share. */
export interface EmissionParts {
  readonly link: Link;
  readonly physics: Physics;
  readonly limits: AdmissionLimits;
  readonly time: TickTime;
  readonly ids: Ids;
  readonly deadlines: Deadlines;
  readonly observers: Observers;
  readonly interceptors: Interceptors;
}

const DEFAULT_TIMEOUT_MS = 2000;
/** Channels that one vibrator remembers. */
const MOST_CHANNELS = 4096;

type EmitKind = Draft["kind"] | "gather";

/** A channel that was emitted on before. */
interface Use {
  readonly name: string;
  readonly contract: Channel | undefined;
  readonly outlet: Outlet;
  emitted: number;
}

/** The emitting half of one vibrator. */
export class Emission implements Emitting, PendingHost {
  readonly #parts: EmissionParts;
  readonly #origin: Origin;
  readonly #onReflection: (reflection: Reflection) => void;
  /** By name for plain names, by contract for contracts. */
  readonly #uses = new Recent<string | Channel, Use>(MOST_CHANNELS);
  #last: Use | undefined;
  #lastKey: string | Channel | undefined;
  #closed = false;
  emitted = 0;
  faded = 0;
  exhausted = 0;
  refused = 0;

  constructor(parts: EmissionParts, origin: Origin, onReflection: (reflection: Reflection) => void) {
    this.#parts = parts;
    this.#origin = origin;
    this.#onReflection = onReflection;
  }

  /** The channels emitted on, with how many waves, as far as they are remembered. */
  *channels(): Iterable<{ readonly channel: string; readonly waves: number }> {
    for (const { name, emitted } of this.#uses.values()) {
      if (emitted > 0) {
        yield { channel: name, waves: emitted };
      }
    }
  }

  emit(
    channel: string | Channel,
    payload: unknown,
    given: EmitOptions | undefined,
    within: Handling | undefined,
  ): Promise<Receipt> {
    try {
      const use = this.#use(channel);
      const options = emitOptionsOf(given);
      const cause = causeOf(options.cause, within);
      const kind = options.kind ?? use.contract?.kind ?? "event";
      if (this.#parts.interceptors.emits) {
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

  /** Calls `step`, and counts it when it throws: then the emit was refused before there was a wave. */
  #counted<T>(step: () => T): T {
    try {
      return step();
    } catch (error) {
      this.refused++;
      throw error;
    }
  }

  /** The first step of the street; asynchronous only where the schema is, or where room must be waited for. */
  #admit(
    use: Use,
    kind: "event" | "broadcast" | "command",
    payload: unknown,
    options: CheckedEmit,
    cause: Cause,
  ): Promise<Receipt> {
    const checking = validate(use.contract, payload);
    if (checking === undefined && options.whenFull !== "wait") {
      return this.#launch(use, kind, payload, options, cause);
    }
    return this.#later(checking, use, options, () => this.#launch(use, kind, payload, options, cause));
  }

  /** Launches when the payload has been checked and, if it is asked for, everybody has room. */
  async #later<T>(
    checking: void | Promise<void>,
    use: Use,
    options: CheckedEmit,
    launch: () => Promise<T>,
  ): Promise<T> {
    let launched: Promise<T>;
    try {
      await checking;
      if (options.whenFull === "wait") {
        ({ launched } = await this.#whenRoom(use.name, options, launch));
      } else {
        this.#assertOpen();
        launched = launch();
      }
    } catch (error) {
      this.refused++;
      throw error;
    }
    return await launched;
  }

  #launch(
    use: Use,
    kind: "event" | "broadcast" | "command",
    payload: unknown,
    options: CheckedEmit,
    cause: Cause,
  ): Promise<Receipt> {
    if (kind === "command") {
      return this.#command(use, payload, options, cause);
    }
    const { signal } = options;
    if (signal?.aborted) {
      throw signal.reason;
    }
    const wave = this.#compose(use, kind, payload, options, cause, undefined);
    const outcome = outcomeOf(wave, this.#parts.physics);
    if (outcome !== "travelled") {
      this.#lost(wave, outcome);
      return Promise.resolve({ id: wave.id, outcome });
    }
    const heard = use.outlet.propagate(wave);
    if (heard instanceof Promise) {
      return heard.then((groups) => this.#receipt(wave, groups));
    }
    return Promise.resolve(this.#receipt(wave, heard));
  }

  #receipt(wave: Wave, heard: number | undefined): Receipt {
    this.#tellEmitted(wave, heard);
    return receiptOf(wave, heard);
  }

  #tellEmitted(wave: Wave, heard: number | undefined): void {
    const { observers } = this.#parts;
    if (observers.emitted.listens) {
      observers.emitted.tell({ id: wave.id, channel: wave.channel, wave, outcome: "travelled", heard });
    }
  }

  #lost(wave: Wave, outcome: "faded" | "exhausted"): void {
    const { observers } = this.#parts;
    this[outcome]++;
    const { id, channel, hops } = wave;
    observers.emitted.tell({ id, channel, wave, outcome });
    if (outcome === "exhausted") {
      observers.loop.tell({ id, channel, wave, hops });
    }
  }

  #compose(
    use: Use,
    kind: EmitKind,
    payload: unknown,
    options: CheckedEmit,
    cause: Cause,
    exchange: Pending | undefined,
  ): Wave {
    const { limits, physics, ids, time } = this.#parts;
    let bytes: number;
    let body = payload;
    if (limits.payloads === "reference") {
      bytes = measure(payload, limits);
    } else {
      ({ payload: body, bytes } = prepare(payload, limits));
    }
    this.emitted++;
    use.emitted++;
    return compose(
      {
        id: options.id ?? ids.next(),
        channel: use.name,
        contract: use.contract,
        kind: kind === "gather" ? "query" : kind,
        payload: body,
        bytes,
        options,
        cause,
        origin: this.#origin,
        moment: time.moment,
        exchange,
      },
      physics,
    );
  }

  #command(use: Use, payload: unknown, options: CheckedEmit, cause: Cause): Promise<Receipt> {
    const { promise, resolve, reject } = deferred<Receipt>();
    const deadline = cause.wave?.exchange?.deadline ?? Number.POSITIVE_INFINITY;
    const pending = new Pending("command", deadline, this, {
      admitted: (heard) => resolve(receiptOf(wave, heard)),
      ended: reject,
    });
    const wave = this.#compose(use, "command", payload, options, cause, pending);
    this.#send(use, wave, pending, options, undefined);
    return promise;
  }

  query(
    channel: string | Channel,
    payload: unknown,
    given: QueryOptions | undefined,
    within: Handling | undefined,
  ): Promise<Wave> {
    try {
      const use = this.#use(channel);
      const options = emitOptionsOf(given);
      const cause = causeOf(options.cause, within);
      if (this.#parts.interceptors.emits) {
        return this.#intercepted(use, "query", payload, given, cause, (draft) =>
          this.#counted(() => {
            const changed = emitOptionsOf(draft.options);
            return this.#ask(this.#useOf(draft), draft.payload, changed, causeOf(changed.cause, within), within);
          }),
        );
      }
      return this.#ask(use, payload, options, cause, within);
    } catch (error) {
      this.refused++;
      return Promise.reject(error);
    }
  }

  #ask(use: Use, payload: unknown, options: CheckedEmit, cause: Cause, within: Handling | undefined): Promise<Wave> {
    const checking = validate(use.contract, payload);
    if (checking === undefined && options.whenFull !== "wait") {
      return this.#askNow(use, payload, options, cause, within);
    }
    return this.#later(checking, use, options, () => this.#askNow(use, payload, options, cause, within));
  }

  #askNow(use: Use, payload: unknown, options: CheckedEmit, cause: Cause, within: Handling | undefined): Promise<Wave> {
    const { promise, resolve, reject } = deferred<Wave>();
    const reply = use.contract?.reply;
    const answered = reply === undefined ? resolve : (response: Wave) => resolve(parsed(reply, response));
    const pending = this.#pend("query", options, cause, { answered, ended: reject });
    const wave = this.#compose(use, "query", payload, options, cause, pending);
    this.#send(use, wave, pending, options, within);
    return promise;
  }

  /** Asks everybody; `outcome` is told of each answer and of the end. Throws what `emit` would reject with. */
  gather(
    channel: string | Channel,
    payload: unknown,
    given: QueryOptions | undefined,
    within: Handling | undefined,
    outcome: Outcome,
  ): Pending {
    return this.#counted(() => {
      const use = this.#use(channel);
      const options = emitOptionsOf(given);
      const cause = causeOf(options.cause, within);
      const pending = this.#pend("gather", options, cause, outcome);
      const launch = (draft: Draft): Promise<Receipt> => {
        const changed = emitOptionsOf(draft.options);
        const parts = [this.#useOf(draft), draft.payload, changed, causeOf(changed.cause, within), within] as const;
        const checking = validate(parts[0].contract, draft.payload);
        if (checking === undefined && changed.whenFull !== "wait") {
          return this.#gatherNow(pending, ...parts);
        }
        return this.#later(checking, parts[0], changed, () => this.#gatherNow(pending, ...parts));
      };
      const launching = this.#parts.interceptors.emits
        ? this.#intercepted(use, "query", payload, given, cause, (draft) => this.#counted(() => launch(draft)))
        : launch(this.#draft(use, "query", payload, given, cause));
      launching.catch((error: unknown) => pending.cancel(error));
      return pending;
    });
  }

  #gatherNow(
    pending: Pending,
    use: Use,
    payload: unknown,
    options: CheckedEmit,
    cause: Cause,
    within: Handling | undefined,
  ): Promise<Receipt> {
    const wave = this.#compose(use, "gather", payload, options, cause, pending);
    if (!pending.ended) {
      this.#send(use, wave, pending, options, within);
    }
    return Promise.resolve(receiptOf(wave, undefined));
  }

  #pend(kind: "query" | "gather", options: CheckedEmit, cause: Cause, outcome: Outcome): Pending {
    const inherited = cause.wave?.exchange?.deadline ?? Number.POSITIVE_INFINITY;
    const now = this.#parts.time.moment.at;
    return new Pending(kind, Math.min(now + (options.timeoutMs ?? DEFAULT_TIMEOUT_MS), inherited), this, outcome);
  }

  /** Sends a wave that has a way back, and makes its end known to all that may end it. */
  #send(use: Use, wave: Wave, pending: Pending, options: CheckedEmit, within: Handling | undefined): void {
    const { physics, deadlines, time } = this.#parts;
    const { signal } = options;
    pending.launch(wave);
    if (signal?.aborted) {
      pending.cancel(signal.reason);
      return;
    }
    const outcome = outcomeOf(wave, physics);
    if (outcome !== "travelled") {
      this.#lost(wave, outcome);
      pending.cancel(lostError(wave, outcome));
      return;
    }
    const now = time.moment.at;
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
    this.#tellEmitted(wave, heard);
    pending.launched(heard);
  }

  #intercepted<R>(
    use: Use,
    kind: Draft["kind"],
    payload: unknown,
    options: EmitOptions | undefined,
    cause: Cause,
    last: (draft: Draft) => Promise<R>,
  ): Promise<R> {
    return this.#parts.interceptors.emit(this.#draft(use, kind, payload, options, cause), last);
  }

  #draft(
    { name, contract }: Use,
    kind: Draft["kind"],
    payload: unknown,
    options: EmitOptions = {},
    { wave }: Cause,
  ): Draft {
    return { channel: name, contract, kind, payload, options, source: this.#origin.source, cause: wave };
  }

  #useOf({ channel, contract }: Draft): Use {
    return this.#use(contract?.name === channel ? contract : channel);
  }

  /** Launches as soon as everybody who hears `channel` has room: in the same breath, before others take it. */
  async #whenRoom<T>(
    channel: string,
    options: CheckedEmit,
    launch: () => Promise<T>,
  ): Promise<{ readonly launched: Promise<T> }> {
    const { link, deadlines } = this.#parts;
    const { signal, timeoutMs = DEFAULT_TIMEOUT_MS } = options;
    let stop: ((error: unknown) => void) | undefined;
    const stopped = new Promise<never>((_, reject) => {
      stop = reject;
    });
    stopped.catch(() => undefined);
    const onAbort = (): void => stop?.(signal?.reason);
    const undo = deadlines.after(timeoutMs, () =>
      stop?.(
        new AetherError("AETHER_TIMEOUT", `Nobody made room for a wave on "${channel}" in ${timeoutMs} ms`, {
          details: { channel, timeoutMs },
        }),
      ),
    );
    signal?.addEventListener("abort", onAbort, { once: true });
    try {
      if (signal?.aborted) {
        throw signal.reason;
      }
      for (let room = link.room(channel); room !== undefined; room = link.room(channel)) {
        await Promise.race([room, stopped]);
      }
      this.#assertOpen();
      return { launched: launch() };
    } finally {
      undo();
      signal?.removeEventListener("abort", onAbort);
    }
  }

  /** The channel as it was used before; a new one is checked first. */
  #use(channel: string | Channel): Use {
    this.#assertOpen();
    if (channel === this.#lastKey && this.#last !== undefined) {
      return this.#last;
    }
    const use = this.#uses.get(channel) ?? this.#newUse(channel);
    this.#last = use;
    this.#lastKey = channel;
    return use;
  }

  #newUse(channel: string | Channel): Use {
    const { limits, link } = this.#parts;
    const contract = channel instanceof Channel ? channel : undefined;
    const name: unknown = contract === undefined ? channel : contract.name;
    assertChannelName(name, limits.maxChannelLength);
    assertSource(this.#origin.source, limits);
    if (contract?.recorded) {
      throw new AetherError(
        "AETHER_UNSUPPORTED",
        `Expected a medium that can record for "${name}", got one that cannot: take \`recorded\` off the channel`,
        { details: { channel: name } },
      );
    }
    const use: Use = { name, contract, outlet: link.outlet(name), emitted: 0 };
    this.#uses.set(channel, use);
    return use;
  }

  #assertOpen(): void {
    if (this.#closed) {
      throw this.#closedError();
    }
  }

  #closedError(): AetherError {
    return new AetherError(
      "AETHER_CLOSED",
      `Expected an open vibrator, got "${this.#origin.source}" after it was closed`,
    );
  }

  now(): number {
    return this.#parts.time.moment.at;
  }

  release(pending: Pending): void {
    this.#parts.deadlines.remove(pending);
  }

  watch(pending: Pending): void {
    const { deadlines, time } = this.#parts;
    deadlines.add(pending, pending.deadline - time.moment.at, time.moment.at);
  }

  reflected(reflection: Reflection): void {
    this.#onReflection(reflection);
  }

  /** Refuses everything from now on, and ends everybody who waits. */
  close(): void {
    this.#closed = true;
    for (const deadline of this.#parts.deadlines.all()) {
      if (deadline instanceof Pending && deadline.host === this) {
        deadline.cancel(this.#closedError());
      }
    }
  }
}

function receiptOf({ id }: Wave, heard: number | undefined): Receipt {
  return heard === undefined ? { id, outcome: "travelled" } : { id, outcome: "travelled", heard };
}

/** A promise, and what settles it. */
function deferred<T>(): {
  promise: Promise<T>;
  resolve: (value: T | Promise<T>) => void;
  reject: (error: unknown) => void;
} {
  let resolve: (value: T | Promise<T>) => void = () => {};
  let reject: (error: unknown) => void = () => {};
  const promise = new Promise<T>((onValue, onError) => {
    resolve = onValue;
    reject = onError;
  });
  return { promise, resolve, reject };
}

/** `response` with its payload as `reply` gives it out. */
async function parsed(reply: Schema, response: Wave): Promise<Wave> {
  return response.withPayload(await parse(reply, response.payload, `the answer on "${response.channel}"`));
}

function lostError(wave: Wave, outcome: "faded" | "exhausted"): AetherError {
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
