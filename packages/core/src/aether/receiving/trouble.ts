/** Trouble: whether a member of a group is better gone around, for it sheds what comes or its runs fail. docs/physics.md §9 */

import type { Clock } from "../../clock.ts";
import { AetherError } from "../../errors.ts";
import { Circuit } from "../../physics/circuit.ts";
import { HEDGE_CALM } from "../../physics/hedge.ts";
import { OPAQUE } from "../../physics/obstacle.ts";
import { backpressure } from "../../physics/reflection.ts";
import type { Wave } from "../../wave/wave.ts";

/** What trouble is judged by. */
export interface TroubleParts {
  readonly clock: Clock;
  /** The share of what comes that it sheds, 0..1. */
  readonly shed: () => number;
  /** Runs that have ended, well or not. */
  readonly ended: () => number;
}

/** The trouble of one resonance. */
export class Trouble {
  readonly #parts: TroubleParts;
  /** Made when the first run has failed. */
  #circuit: Circuit | undefined;

  constructor(parts: TroubleParts) {
    this.#parts = parts;
  }

  /** Whether `wave` had better go to another member. */
  opaqueTo(wave: Wave): boolean {
    // Who is asked a second time as a favour must be calm.
    const most = wave.around.length > 0 ? HEDGE_CALM : OPAQUE;
    const shed = this.#parts.shed();
    return (shed > 0 && backpressure(shed) >= most) || this.#isBroken(wave);
  }

  #isBroken(wave: Wave): boolean {
    const circuit = this.#circuit;
    if (circuit === undefined) {
      return false;
    }
    const ended = this.#parts.ended();
    return circuit.isOpen(ended) && !circuit.passes(wave, this.#parts.clock.monotonic(), ended);
  }

  /** A wave was taken all the same. */
  took(): void {
    const circuit = this.#circuit;
    if (circuit !== undefined) {
      const ended = this.#parts.ended();
      if (circuit.isOpen(ended)) {
        circuit.took(this.#parts.clock.monotonic(), ended);
      }
    }
  }

  /** A run of `wave` has failed. */
  failed(wave: Wave, error: unknown): void {
    if (!isGivenUp(wave, error)) {
      this.#circuit ??= new Circuit();
      this.#circuit.failed(this.#parts.clock.monotonic(), this.#parts.ended());
    }
  }
}

/** Whether the run was stopped for a reason that says nothing of this receiver: its emitter wants no answer any more. */
function isGivenUp(wave: Wave, error: unknown): boolean {
  if (wave.exchange?.over !== true) {
    return false;
  }
  try {
    return !(error instanceof AetherError && error.code === "AETHER_TIMEOUT");
  } catch {
    return false; // It throws when it is looked at, so the handler threw it.
  }
}
