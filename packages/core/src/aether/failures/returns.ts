/** Returns: waves that nobody waits for, on their way back to their emitters, within a limit. docs/physics.md §7. */

import { type Clock, soon } from "../../clock.ts";
import type { Link } from "../../medium/medium.ts";
import type { Physics } from "../../physics/physics.ts";
import type { ReflectCause } from "../../wave/exchange.ts";
import { reflect } from "../../wave/reflection.ts";
import type { Wave } from "../../wave/wave.ts";
import { ReflectionLimit } from "./reflection-limit.ts";

/** Counts of what was sent back although nobody waited for it. */
export interface ReturnsStats {
  /** Waves sent back. */
  readonly sent: number;
  /** Waves not sent back, for their emitter had too many coming back already. */
  readonly suppressed: number;
}

/** Sends events and broadcasts of one aether's resonances back. */
export class Returns {
  readonly #link: Link;
  readonly #physics: Physics;
  readonly #clock: Clock;
  readonly #limit = new ReflectionLimit();
  #sent = 0;
  #suppressed = 0;

  constructor(link: Link, physics: Physics, clock: Clock) {
    this.#link = link;
    this.#physics = physics;
    this.#clock = clock;
  }

  /** Sends `wave` back for `cause`, unless the law is off, it is a reflection itself, or its emitter has had enough. */
  send(wave: Wave, cause: ReflectCause): void {
    if (!this.#physics.reflects) {
      return;
    }
    const now = this.#clock.monotonic();
    const reflection = reflect(wave, cause, now);
    if (reflection === undefined) {
      return;
    }
    if (!this.#limit.allows(wave.sourceId, now)) {
      this.#suppressed++;
      return;
    }
    this.#sent++;
    // Whoever listens may emit, and that must not come between the wave and those who are still to hear it.
    soon(() => this.#link.reflect(reflection));
  }

  get stats(): ReturnsStats {
    return { sent: this.#sent, suppressed: this.#suppressed };
  }
}
