/** In hand: the recorded waves that one resonance answers for, until each is settled. */

import { SeenIds } from "../../inbox/seen-ids.ts";
import type { Custody } from "../../medium/recorder.ts";
import { Recent } from "../../wave/recent.ts";
import type { Wave } from "../../wave/wave.ts";

/** Waves of which it is remembered how often they have failed, after they were given back. */
const MOST_ATTEMPTS = 10_000;

/** Waves by their id, which nobody else of the group has at the same time. */
export class InHand {
  readonly #custodies = new Map<string, Custody>();
  /** Those that wait for another attempt. */
  readonly #waiting = new Set<string>();
  /** Those that were handled, and may come again for their record does not know it yet. */
  readonly #handled = new SeenIds();
  /** The attempt that is next for waves that were given back. */
  readonly #attempts = new Recent<string, number>(MOST_ATTEMPTS);

  get size(): number {
    return this.#custodies.size;
  }

  /** How many wait for another attempt. */
  get waiting(): number {
    return this.#waiting.size;
  }

  has({ id }: Wave): boolean {
    return this.#custodies.has(id);
  }

  /** Answers for `wave` from `now` (monotonic) on; false: it is in hand already, or was handled before. */
  add({ id }: Wave, custody: Custody, now: number): boolean {
    if (this.#handled.has(id, now)) {
      discharge(custody);
      return false;
    }
    const isNew = !this.#custodies.has(id);
    // Of one that is in hand the record had lost track: what counts is what it says now.
    this.#custodies.set(id, custody);
    return isNew;
  }

  /** `wave` was handled `well`, or has failed for good. */
  done(wave: Wave, well: boolean, now: number): void {
    const custody = this.#release(wave);
    if (custody !== undefined) {
      if (well) {
        this.#handled.add(wave.id, now);
      }
      this.#attempts.delete(wave.id);
      discharge(custody);
    }
  }

  /** `wave` goes back to its group, at the earliest after `delayMs`. */
  giveBack(wave: Wave, delayMs?: number): void {
    this.#release(wave)?.giveBack(delayMs);
  }

  /** Gives back everything but `but`. */
  giveBackAll(but: Wave | undefined): void {
    for (const [id, custody] of this.#custodies) {
      if (id !== but?.id) {
        this.#custodies.delete(id);
        this.#waiting.delete(id);
        custody.giveBack();
      }
    }
  }

  #release({ id }: Wave): Custody | undefined {
    const custody = this.#custodies.get(id);
    this.#custodies.delete(id);
    this.#waiting.delete(id);
    return custody;
  }

  /** `wave` is tried again, as attempt number `attempt`. */
  retries({ id }: Wave, attempt: number): void {
    this.#custodies.get(id)?.retries?.(attempt);
  }

  /** `wave` waits for another attempt. */
  waits(wave: Wave): void {
    if (this.has(wave)) {
      this.#waiting.add(wave.id);
    }
  }

  /** `wave` is back among those whose turn is to come. */
  waitsNoMore({ id }: Wave): void {
    this.#waiting.delete(id);
  }

  /** Remembers, for a wave that is given back, which attempt is next. */
  remember({ id }: Wave, attempt: number): void {
    this.#attempts.set(id, attempt);
  }

  /** The attempt that `wave` comes for, as far as its record or this process remembers; `undefined`: the first. */
  attemptOf({ id }: Wave): number | undefined {
    const { attempt = 1 } = this.#custodies.get(id) ?? {};
    return this.#attempts.get(id) ?? (attempt > 1 ? attempt : undefined);
  }
}

/** Tells the record that a wave is done with. Should that be lost, it comes again and is known. */
function discharge(custody: Custody): void {
  custody.done().catch(() => undefined);
}
