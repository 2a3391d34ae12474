/** Drops: what came to a resonance and is not handled, counted by its reason, and told to whoever is to know. */

import { causeOfRefusal, type ReflectCause, type Refusal, type Teller } from "../../wave/exchange.ts";
import type { Wave } from "../../wave/wave.ts";
import type { Returns } from "../failures/returns.ts";
import type { Observers } from "../observers.ts";
import { type Absorbed, type AbsorbReason, noneAbsorbed } from "../stats.ts";
import { REFUSALS } from "./gate.ts";

/** What drops are told with. */
export interface DropsParts {
  readonly vibrator: string;
  readonly pattern: string;
  readonly settings: {
    readonly observers: Observers;
    readonly returns: Returns;
    /** Whether it sees copies and takes no part. */
    readonly observes: boolean;
    readonly teller: Teller;
  };
  /** How loud a wave has to be at this moment, 0..1, and for how long to wait where that will pass. */
  readonly floor: () => { readonly floor: number; readonly retryAfterMs: number | undefined };
}

/** The drops of one resonance. */
export class Drops {
  readonly #parts: DropsParts;
  /** Made when the first wave is dropped. */
  #counts: Absorbed | undefined;

  constructor(parts: DropsParts) {
    this.#parts = parts;
  }

  /** By reason; `undefined`: there were none. */
  get counts(): Readonly<Absorbed> | undefined {
    return this.#counts;
  }

  /** Something came that was no wave, `times` times. */
  malformed(times: number): void {
    this.#counts ??= noneAbsorbed();
    this.#counts.malformed += times;
    const { vibrator, pattern, settings } = this.#parts;
    const { absorbed } = settings.observers;
    for (let told = 0; absorbed.listens && told < times; told++) {
      absorbed.tell({ vibrator, pattern, reason: "malformed" });
    }
  }

  /** Counts a wave that nobody needs to hear of but those who look on. */
  count(wave: Wave, reason: AbsorbReason): void {
    this.#counts ??= noneAbsorbed();
    this.#counts[reason]++;
    const { vibrator, pattern, settings } = this.#parts;
    const { absorbed } = settings.observers;
    if (absorbed.listens) {
      absorbed.tell({ id: wave.id, channel: wave.channel, wave, vibrator, pattern, reason });
    }
  }

  /** A wave was not let in. */
  refused(wave: Wave, reason: AbsorbReason): void {
    this.count(wave, reason);
    const why = this.#refusalFor(wave, reason);
    if (why !== undefined) {
      wave.exchange?.refused(why);
    }
  }

  /** A wave was let in, and is not kept. */
  returned(wave: Wave, reason: AbsorbReason): void {
    this.count(wave, reason);
    const why = this.#refusalFor(wave, reason);
    if (why !== undefined) {
      wave.exchange?.returned(why);
    }
  }

  /** What the emitter is told who waits; one who does not has its wave back, if it wants that. */
  #refusalFor(wave: Wave, reason: AbsorbReason): Refusal | undefined {
    const code = REFUSALS[reason];
    if (code === undefined || (wave.exchange === undefined && !wave.reflects)) {
      return undefined;
    }
    const { floor, retryAfterMs } = this.#parts.floor();
    const { teller } = this.#parts.settings;
    const why: Refusal =
      retryAfterMs !== undefined && code === "AETHER_SHED"
        ? { code, floor, retryAfterMs, ...teller }
        : { code, floor, ...teller };
    if (wave.reflects) {
      this.comeBack(wave, causeOfRefusal(why));
    }
    return why;
  }

  /** Sends a wave back that nobody waits for. What an observer sees is a copy, which has no way back. */
  comeBack(wave: Wave, cause: ReflectCause): void {
    const { observes, returns } = this.#parts.settings;
    if (wave.exchange === undefined && !observes) {
      returns.send(wave, cause);
    }
  }
}
