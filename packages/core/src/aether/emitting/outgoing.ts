/** Outgoing: the waves of one vibrator as they leave, each composed, counted, and told to those who look on. */

import type { Physics } from "../../physics/physics.ts";
import type { Exchange } from "../../wave/exchange.ts";
import type { Ids } from "../../wave/ids.ts";
import type { Wave, WaveKind } from "../../wave/wave.ts";
import type { Observers } from "../observers.ts";
import { type CheckedEmit, NO_OPTIONS } from "../options.ts";
import type { TickTime } from "../tick-time.ts";
import { type AdmissionLimits, type Admitted, measure, prepare } from "./admission.ts";
import { type Cause, compose, composePlain, NO_CAUSE } from "./propagation.ts";
import type { Use } from "./uses.ts";

/** What outgoing waves need of an aether. */
export interface OutgoingParts {
  readonly physics: Physics;
  readonly limits: AdmissionLimits;
  readonly time: TickTime;
  readonly ids: Ids;
  readonly observers: Observers;
}

/** The outgoing waves of one vibrator. */
export class Outgoing {
  readonly #parts: OutgoingParts;
  /** Every wave that was composed; those that faded or were exhausted are among them. */
  emitted = 0;
  faded = 0;
  exhausted = 0;

  constructor(parts: OutgoingParts) {
    this.#parts = parts;
  }

  /** The wave that leaves now; from here on it counts as emitted. Throws `AETHER_TOO_LARGE` or `AETHER_BAD_PAYLOAD`. */
  compose(
    use: Use,
    kind: WaveKind,
    payload: unknown,
    options: CheckedEmit,
    cause: Cause,
    exchange: Exchange | undefined,
  ): Wave {
    const { limits, physics, ids, time } = this.#parts;
    let bytes: number;
    let body = payload;
    if (limits.payloads === "reference") {
      bytes = measure(payload, limits);
    } else {
      ({ payload: body, bytes } = prepare(payload, limits));
    }
    this.count(use);
    const isPlain = options === NO_OPTIONS && cause === NO_CAUSE && exchange === undefined;
    if (isPlain && use.contract === undefined && kind === use.kind && bytes === use.bytes) {
      return composePlain(ids.next(), use, body, time.moment);
    }
    const id = options.id ?? ids.next();
    return compose({ id, use, kind, payload: body, bytes, options, cause, moment: time.moment, exchange }, physics);
  }

  /** A payload as it leaves. Throws `AETHER_TOO_LARGE` or `AETHER_BAD_PAYLOAD`. */
  body(payload: unknown): Admitted {
    const { limits } = this.#parts;
    return limits.payloads === "reference" ? { payload, bytes: measure(payload, limits) } : prepare(payload, limits);
  }

  /** A wave was composed on `use`: from here on it counts as emitted. */
  count(use: Use): void {
    this.emitted++;
    use.emitted++;
  }

  /** The medium has `wave`, and carries it to `heard` groups where that is known. */
  travelled(wave: Wave, heard: number | undefined): void {
    const { observers } = this.#parts;
    if (observers.emitted.listens) {
      observers.emitted.tell({ id: wave.id, channel: wave.channel, wave, outcome: "travelled", heard });
    }
  }

  /** `wave` does not get across. */
  lost(wave: Wave, outcome: "faded" | "exhausted"): void {
    const { observers } = this.#parts;
    this[outcome]++;
    const { id, channel, hops } = wave;
    observers.emitted.tell({ id, channel, wave, outcome });
    if (outcome === "exhausted") {
      observers.loop.tell({ id, channel, wave, hops });
    }
  }
}
