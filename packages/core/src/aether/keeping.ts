/** Keeping: the waves of one vibrator on recorded channels, from a composed wave until the record has it. */

import { AetherError } from "../errors.ts";
import type { Recorder } from "../medium/recorder.ts";
import type { Physics } from "../physics/physics.ts";
import type { Wave, WaveKind } from "../wave/wave.ts";
import { lostError } from "./asking.ts";
import type { Deadlines } from "./deadlines.ts";
import type { CheckedEmit } from "./options.ts";
import type { Outgoing } from "./outgoing.ts";
import type { Cause } from "./propagation.ts";
import type { Receipt } from "./receipt.ts";
import type { TickTime } from "./tick-time.ts";
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
  /** What ends the waiting of each emit that waits. */
  readonly #waiting = new Set<() => void>();

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
    const deadline = time.moment.at + timeoutMs;
    return new Promise((resolve, reject) => {
      const settle = (then: () => void): void => {
        undo();
        this.#waiting.delete(giveUp);
        signal?.removeEventListener("abort", onAbort);
        then();
      };
      const onAbort = (): void => settle(() => reject(signal?.reason));
      const giveUp = (): void => settle(() => reject(uncertain(wave, timeoutMs)));
      const undo = deadlines.after(timeoutMs, giveUp);
      this.#waiting.add(giveUp);
      signal?.addEventListener("abort", onAbort, { once: true });
      recorder.record(wave, deadline).then(
        (position) => {
          this.#outgoing.travelled(wave, undefined);
          settle(() => resolve({ id: wave.id, outcome: "travelled", position }));
        },
        (error: unknown) => settle(() => reject(error)),
      );
    });
  }

  /** Ends everybody who waits: nobody will tell them any more. */
  close(): void {
    for (const giveUp of [...this.#waiting]) {
      giveUp();
    }
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
    { details: { id, channel, timeoutMs } },
  );
}
