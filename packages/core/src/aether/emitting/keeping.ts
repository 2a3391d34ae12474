/** Keeping: the waves of one vibrator on recorded channels, from a composed wave until the record has it. */

import { AetherError } from "../../errors.ts";
import type { Recorder } from "../../medium/recorder.ts";
import type { Physics } from "../../physics/physics.ts";
import type { Wave, WaveKind } from "../../wave/wave.ts";
import { Deadline, type Deadlines } from "../deadlines.ts";
import type { CheckedEmit } from "../options.ts";
import type { Receipt } from "../receipt.ts";
import type { TickTime } from "../tick-time.ts";
import { lostError } from "./asking.ts";
import type { Outgoing } from "./outgoing.ts";
import type { Cause } from "./propagation.ts";
import type { Use } from "./uses.ts";

/** What keeping needs of an aether. */
export interface KeepingParts {
  readonly physics: Physics;
  readonly time: TickTime;
  readonly deadlines: Deadlines;
}

/** How long the record may take where nothing else is said. */
const DEFAULT_KEEP_MS = 30_000;

/** The recorded waves of one vibrator. What it is given has been admitted. */
export class Keeping {
  readonly #parts: KeepingParts;
  readonly #outgoing: Outgoing;
  /** Emits that wait. */
  readonly #waiting = new Set<Kept>();
  /** Told once nobody waits. */
  readonly #onIdle = new Set<() => void>();

  constructor(parts: KeepingParts, outgoing: Outgoing) {
    this.#parts = parts;
    this.#outgoing = outgoing;
  }

  /**
   * Resolves when the wave is kept: it neither fades nor is too quiet. Rejects with `AETHER_EXHAUSTED` or
   * `AETHER_UNCERTAIN`, or with the reason of the signal.
   */
  emit(
    recorder: Recorder,
    use: Use,
    kind: WaveKind,
    payload: unknown,
    options: CheckedEmit,
    cause: Cause,
  ): Promise<Receipt> {
    options.signal?.throwIfAborted();
    return this.keep(
      recorder,
      this.#outgoing.compose(use, kind, payload, lasting(use, options), cause, undefined),
      options,
    );
  }

  /** As {@link emit}, for a wave that has been composed. */
  keep(
    recorder: Recorder,
    wave: Wave,
    { signal, timeoutMs = DEFAULT_KEEP_MS }: Pick<CheckedEmit, "signal" | "timeoutMs">,
  ): Promise<Receipt> {
    const { physics, time, deadlines } = this.#parts;
    if (wave.hops > physics.maxHops) {
      this.#outgoing.lost(wave, "exhausted");
      return Promise.reject(lostError(wave, "exhausted"));
    }
    const { at } = time.moment;
    return new Promise((resolve, reject) => {
      const kept = new Kept({ keeping: this, wave, timeoutMs, signal, resolve, reject });
      this.#waiting.add(kept);
      deadlines.add(kept, timeoutMs, at);
      signal?.addEventListener("abort", kept, { once: true });
      recorder.record(wave, at + timeoutMs).then(
        (position) => {
          this.#outgoing.travelled(wave, undefined);
          kept.settle();
          resolve({ id: wave.id, outcome: "travelled", position });
        },
        (error: unknown) => kept.fail(error),
      );
    });
  }

  /** Nobody waits for `kept` any more. */
  forget(kept: Kept): void {
    this.#waiting.delete(kept);
    this.#parts.deadlines.remove(kept);
    if (this.#waiting.size === 0 && this.#onIdle.size > 0) {
      for (const told of [...this.#onIdle]) {
        told();
      }
    }
  }

  /** Resolves when nobody waits, or after `patienceMs`. */
  async drain(patienceMs: number): Promise<void> {
    if (this.#waiting.size === 0 || patienceMs <= 0) {
      return;
    }
    let told = (): void => undefined;
    await this.#parts.deadlines.within(patienceMs, (done) => {
      told = done;
      this.#onIdle.add(told);
    });
    this.#onIdle.delete(told);
  }

  /** Ends everybody who waits: nobody will tell them any more. */
  close(): void {
    for (const kept of [...this.#waiting]) {
      kept.expire();
    }
  }
}

/** What an emit that waits for the record is made of. */
interface KeptParts {
  readonly keeping: Keeping;
  readonly wave: Wave;
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
  resolve(receipt: Receipt): void;
  reject(error: unknown): void;
}

/** An emit that waits for the record, up to its deadline or its signal. There are many: one object each, no closures. */
class Kept extends Deadline {
  readonly #parts: KeptParts;

  constructor(parts: KeptParts) {
    super();
    this.#parts = parts;
  }

  /** Ends the waiting; whoever calls it says how. */
  settle(): void {
    const { keeping, signal } = this.#parts;
    keeping.forget(this);
    signal?.removeEventListener("abort", this);
  }

  fail(error: unknown): void {
    this.settle();
    this.#parts.reject(error);
  }

  /** Its deadline came, or the vibrator closes. */
  expire(): void {
    const { wave, timeoutMs } = this.#parts;
    this.fail(uncertain(wave, timeoutMs));
  }

  /** Its signal aborted. */
  handleEvent(): void {
    this.fail(this.#parts.signal?.reason);
  }
}

/** `options` under which the wave does not fade, unless its emitter or its channel wants it to. */
function lasting(use: Use, options: CheckedEmit): CheckedEmit {
  const halfLifeMs = options.halfLifeMs ?? use.contract?.halfLifeMs ?? Number.POSITIVE_INFINITY;
  return halfLifeMs === use.halfLifeMs ? options : { ...options, halfLifeMs };
}

function uncertain({ id, channel }: Wave, timeoutMs: number): AetherError {
  return new AetherError(
    "AETHER_UNCERTAIN",
    `Expected the wave on "${channel}" to be recorded within ${timeoutMs} ms and before the close, got no word of it: emit it again under its id`,
    { details: { id, channel, timeoutMs, stored: "unknown" } },
  );
}
