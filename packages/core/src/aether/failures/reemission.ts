/** Reemission: a dead letter's wave on its way again, to the resonance where it failed. docs/physics.md §7. */

import { AetherError } from "../../errors.ts";
import type { DeadLetter } from "../../medium/dead-letter-store.ts";
import type { Link } from "../../medium/medium.ts";
import { Channel } from "../../wave/channel.ts";
import { assertChannelName } from "../../wave/channel-name.ts";
import type { Reflection } from "../../wave/reflection.ts";
import { type Moment, type Target, Wave, type WaveExtras } from "../../wave/wave.ts";
import type { Contracts } from "../contracts.ts";
import type { Deadlines } from "../deadlines.ts";
import { deferred } from "../deferred.ts";
import { measure, prepare, validate } from "../emitting/admission.ts";
import { Keeping } from "../emitting/keeping.ts";
import { Outgoing, type OutgoingParts } from "../emitting/outgoing.ts";
import { Pending, type PendingHost } from "../emitting/pending.ts";
import { outcomeOf } from "../emitting/propagation.ts";
import { DEFAULT_TIMEOUT_MS } from "../options.ts";
import { type Receipt, receiptOf } from "../receipt.ts";

/** What re-emitting needs of an aether. */
export interface ReemissionParts extends OutgoingParts {
  readonly link: Link;
  readonly deadlines: Deadlines;
  readonly contracts: Contracts;
}

/** What is to be different, checked. */
export interface Changes {
  /** The new payload, where there is one. */
  readonly payload: { readonly value: unknown } | undefined;
  readonly channel: string | Channel | undefined;
  /** 0..1 */
  readonly amplitude: number | undefined;
  readonly toAll: boolean;
}

/** Emits waves of dead letters again, and those of a replay. It speaks for their emitters, not as a vibrator of its own. */
export class Reemission implements PendingHost {
  readonly #parts: ReemissionParts;
  readonly #outgoing: Outgoing;
  readonly #keeping: Keeping;
  /** Calls that ended before there was a wave. */
  refused = 0;

  constructor(parts: ReemissionParts) {
    this.#parts = parts;
    this.#outgoing = new Outgoing(parts);
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

  /**
   * Emits the wave of `letter` again, under `id` or a new one. A command resolves once it was taken. Rejects as
   * `Vibrator.emit` does.
   */
  async send(letter: DeadLetter, changes: Changes, id: string | undefined): Promise<Receipt> {
    let make: (exchange: Pending | undefined) => Wave;
    try {
      make = await this.#prepare(letter, changes, id);
    } catch (error) {
      this.refused++;
      throw error;
    }
    const wave = make(undefined);
    const isRecorded = this.#parts.link.recorder?.records(wave.channel) === true;
    return letter.wave.kind === "command" && !isRecorded ? await this.#command(make) : await this.emit(wave);
  }

  /** Emits `wave`, an event or a broadcast, as it is. */
  async emit(wave: Wave): Promise<Receipt> {
    const { recorder } = this.#parts.link;
    if (recorder?.records(wave.channel) === true) {
      this.#outgoing.emitted++;
      return await this.#keeping.keep(recorder, wave, {});
    }
    return await this.#event(wave);
  }

  /** Checks what is to leave; gives what makes the wave once it leaves. */
  async #prepare(
    { wave: old, ...letter }: DeadLetter,
    changes: Changes,
    id: string | undefined,
  ): Promise<(exchange: Pending | undefined) => Wave> {
    const { limits, contracts, ids, time } = this.#parts;
    const given = changes.channel instanceof Channel ? changes.channel : undefined;
    const channel: unknown = given === undefined ? (changes.channel ?? old.channel) : given.name;
    assertChannelName(channel, limits.maxChannelLength);
    const isEdited = changes.payload !== undefined || changes.channel !== undefined;
    const contract = isEdited ? (given ?? contracts.of(channel)) : undefined;
    const asked = changes.payload === undefined ? old.payload : changes.payload.value;
    await validate(contract, asked);
    const { payload, bytes } =
      limits.payloads === "reference" ? { payload: asked, bytes: measure(asked, limits) } : prepare(asked, limits);
    const { phase, weight, gain, key, headers, reflects, reflectsBody } = old;
    const version = changes.payload === undefined ? old.version : (contract?.version ?? old.version);
    const to = changes.toAll ? undefined : targetOf(letter, old);
    const extras: WaveExtras = { phase, weight, gain, key, headers, version, reflects, reflectsBody, to };
    return (exchange) =>
      Wave.of({
        ...old.toInit(),
        id: id ?? ids.next(),
        channel,
        payload,
        bytes,
        amplitude: changes.amplitude ?? old.amplitude,
        moment: time.moment,
        cause: old.id,
        extras: { ...extras, exchange },
      });
  }

  #event(wave: Wave): Receipt | Promise<Receipt> {
    this.#outgoing.emitted++;
    const lost = this.#lost(wave);
    if (lost !== undefined) {
      return lost;
    }
    const receipt = (heard: number | undefined): Receipt => {
      this.#outgoing.travelled(wave, heard);
      return receiptOf(wave, heard);
    };
    const heard = this.#parts.link.outlet(wave.channel).propagate(wave);
    return heard instanceof Promise ? heard.then(receipt) : receipt(heard);
  }

  async #command(make: (exchange: Pending) => Wave): Promise<Receipt> {
    const { promise, resolve, reject } = deferred<Receipt>();
    const pending = new Pending("command", Number.POSITIVE_INFINITY, this, {
      admitted: (heard) => resolve(receiptOf(wave, heard)),
      ended: reject,
    });
    const wave = make(pending);
    this.#outgoing.emitted++;
    const lost = this.#lost(wave);
    if (lost !== undefined) {
      return lost;
    }
    pending.launch(wave);
    this.#parts.deadlines.add(pending, DEFAULT_TIMEOUT_MS, this.now());
    try {
      const heard = await this.#parts.link.outlet(wave.channel).propagate(wave);
      this.#outgoing.travelled(wave, heard);
      pending.launched(heard);
    } catch (error) {
      pending.cancel(error);
    }
    return await promise;
  }

  /** The receipt of a wave that does not get across. */
  #lost(wave: Wave): Receipt | undefined {
    const outcome = outcomeOf(wave, this.#parts.physics);
    if (outcome === "travelled") {
      return undefined;
    }
    this.#outgoing.lost(wave, outcome);
    return { id: wave.id, outcome };
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

  watch(): void {
    // Nothing that caused it has a deadline.
  }

  /** What was emitted again and failed again goes back to the one who emitted it first. */
  reflected(reflection: Reflection): void {
    if (this.#parts.physics.reflects) {
      this.#parts.link.reflect(reflection);
    }
  }

  /** Resolves when what was emitted again on recorded channels is kept, or after `patienceMs`. */
  drain(patienceMs: number): Promise<void> {
    return this.#keeping.drain(patienceMs);
  }

  /** Ends everybody who waits. */
  close(): void {
    this.#keeping.close();
    for (const deadline of this.#parts.deadlines.all()) {
      if (deadline instanceof Pending && deadline.host === this) {
        deadline.cancel(new AetherError("AETHER_CLOSED", "Expected an open aether, got one after it was closed"));
      }
    }
  }
}

/** Where a letter's wave failed. A member of a group is named only if others of the group have had the wave too. */
function targetOf({ group, name, instance }: Omit<DeadLetter, "wave">, { kind }: Wave): Target {
  return group === false || kind === "broadcast" ? { group, name, instance } : { group, name };
}
