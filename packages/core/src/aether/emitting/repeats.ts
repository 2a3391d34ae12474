/** Repeats: waves that a vibrator sends on as a repeater, amplified within the guards of docs/physics.md §2. */

import { expected, messageOf } from "../../errors.ts";
import { SeenIds } from "../../inbox/seen-ids.ts";
import { type AmplifyRefusal, amplified, mostFactor } from "../../physics/amplification.ts";
import type { Physics } from "../../physics/physics.ts";
import type { Channel } from "../../wave/channel.ts";
import { type Origin, Wave } from "../../wave/wave.ts";
import type { Draft, Interceptors } from "../interceptors.ts";
import { assertKnown, type EmitOptions, emitOptionsOf } from "../options.ts";
import type { Receipt } from "../receipt.ts";
import type { TickTime } from "../tick-time.ts";
import { validate } from "./admission.ts";
import type { Outgoing } from "./outgoing.ts";
import { outcomeOf } from "./propagation.ts";
import type { Use, Uses } from "./uses.ts";

/** Options of `repeat`. */
export interface RepeatOptions {
  /**
   * What the wave is multiplied by, above 0 and at most `1/attenuationFactor`, which is the default: as much as its last
   * crossing has cost.
   */
  readonly gain?: number | undefined;
  /** Where it is sent on, a name or a contract. Default: the channel of the wave. */
  readonly channel?: string | Channel | undefined;
}

/** What became of a repeated wave. */
export interface RepeatReceipt extends Omit<Receipt, "outcome"> {
  /** As of a {@link Receipt}; or `"refused"`: it was not sent on, and `reason` says by which guard. */
  readonly outcome: Receipt["outcome"] | "refused";
  /**
   * `"gain"`: it was amplified by 10 in all before. `"repeated"`: this vibrator has amplified it in the last minute.
   * `"amplitude"`: it would be louder than 1.
   */
  readonly reason?: Exclude<AmplifyRefusal, "factor" | "hops">;
}

/** What repeats need of an aether. */
export interface RepeatsParts {
  readonly physics: Physics;
  readonly time: TickTime;
  readonly interceptors: Interceptors;
}

/** How long, and how many at least, a repeater knows the ids that it has amplified. */
const KEPT_MS = 60_000;
const KEPT_IDS = 10_000;

/** A wave that may be repeated: nobody waits for it. */
type Kind = "event" | "broadcast";

/** The repeats of one vibrator. */
export class Repeats {
  readonly #parts: RepeatsParts;
  readonly #origin: Origin;
  readonly #uses: Uses;
  readonly #outgoing: Outgoing;
  readonly #known = new SeenIds(KEPT_MS, KEPT_IDS);

  constructor(parts: RepeatsParts, origin: Origin, uses: Uses, outgoing: Outgoing) {
    this.#parts = parts;
    this.#origin = origin;
    this.#uses = uses;
    this.#outgoing = outgoing;
  }

  /** As `Vibrator.repeat`. */
  async repeat(wave: Wave, options: RepeatOptions): Promise<RepeatReceipt> {
    assertKnown(options, { gain: true, channel: true }, "repeat");
    const kind = kindOf(wave);
    const factor = factorOf(options.gain, this.#parts.physics);
    const use = this.#uses.of(options.channel ?? wave.channel);
    const { interceptors } = this.#parts;
    if (!interceptors.around(kind)) {
      return await this.#checked(use, kind, wave, wave.payload, wave.headers, factor);
    }
    const { payload, id, amplitude, phase, key, weight, halfLifeMs, headers } = wave;
    const given: EmitOptions = { id, amplitude, phase, key, weight, halfLifeMs, headers, cause: wave };
    const { channel, contract } = use;
    const { source } = this.#origin;
    const draft: Draft = { channel, contract, kind, payload, options: given, source, cause: wave };
    return await interceptors.emit<RepeatReceipt>(draft, (changed) => {
      if (changed.kind !== kind) {
        throw expected("kind", "the one the interceptor was given", changed.kind);
      }
      const other = this.#uses.of(changed.contract?.name === changed.channel ? changed.contract : changed.channel);
      const { headers: given = {} } = emitOptionsOf(changed.options);
      return this.#checked(other, kind, wave, changed.payload, given, factor);
    });
  }

  async #checked(
    use: Use,
    kind: Kind,
    wave: Wave,
    payload: unknown,
    headers: Wave["headers"],
    factor: number,
  ): Promise<RepeatReceipt> {
    const checking = validate(use.contract, payload);
    if (checking !== undefined) {
      await checking;
      this.#uses.assertOpen();
    }
    return await this.#launch(use, kind, wave, payload, headers, factor);
  }

  #launch(
    use: Use,
    kind: Kind,
    wave: Wave,
    payload: unknown,
    headers: Wave["headers"],
    factor: number,
  ): RepeatReceipt | Promise<RepeatReceipt> {
    const { physics, time } = this.#parts;
    const { id, gain, hops } = wave;
    const { moment } = time;
    const amplitude = wave.amplitudeAt();
    const known = this.#known.has(id, moment.at);
    const louder = amplified({ amplitude, gain, hops }, factor, physics, known);
    if (louder === "gain" || louder === "repeated" || louder === "amplitude") {
      return { id, outcome: "refused", reason: louder };
    }
    if (louder === "factor") {
      throw expected("gain", factorText(physics), factor);
    }
    const next = louder === "hops" ? { amplitude, gain, hops: hops + 1 } : louder;
    const { key, phase, weight, cause, trace, version } = wave;
    const body = this.#outgoing.body(payload);
    const again = new Wave({
      id,
      head: {
        channel: use.channel,
        kind,
        origin: this.#origin,
        halfLifeMs: physics.fades ? wave.halfLifeMs : Number.POSITIVE_INFINITY,
        bytes: body.bytes,
        sound: true,
      },
      payload: body.payload,
      amplitude: next.amplitude,
      moment,
      lineage: { hops: next.hops, cause, trace },
      extras: { phase, weight, key, headers, version: use.contract?.version ?? version, gain: next.gain, named: true },
    });
    this.#outgoing.count(use);
    const outcome = outcomeOf(again, physics);
    if (outcome !== "travelled") {
      this.#outgoing.lost(again, outcome);
      return { id, outcome };
    }
    const heard = use.outlet.propagate(again);
    this.#known.add(id, moment.at);
    const receipt = (groups: number | undefined): RepeatReceipt => {
      this.#outgoing.travelled(again, groups);
      return groups === undefined ? { id, outcome } : { id, outcome, heard: groups };
    };
    return heard instanceof Promise ? heard.then(receipt) : receipt(heard);
  }
}

function kindOf(wave: unknown): Kind {
  if (!(wave instanceof Wave)) {
    throw expected("wave", "a wave that was heard", wave);
  }
  const { kind, fault } = wave;
  if (fault !== undefined) {
    throw expected("wave", `well-formed (${messageOf(fault)})`, wave);
  }
  if (kind !== "event" && kind !== "broadcast") {
    throw expected("wave", "an event or a broadcast: of all others somebody waits for the end", kind);
  }
  return kind;
}

function factorOf(gain: number | undefined, physics: Physics): number {
  const most = mostFactor(physics);
  if (gain === undefined) {
    return most;
  }
  if (typeof gain === "number" && gain > 0 && gain <= most) {
    return gain;
  }
  throw expected("gain", factorText(physics), gain);
}

function factorText(physics: Physics): string {
  return `a number above 0 and at most 1/attenuationFactor, here ${mostFactor(physics)}`;
}
