/** A pack: waves of one origin, channel and band that leave in one message. */

import type { Origin } from "@aether/core";
import { encode, MOST_PACKED, mostBytesAround, mostBytesOf, type Outbound, type Seal } from "../wire/envelope.ts";
import type { Slab } from "../wire/slab.ts";

const MOST_BYTES = 64 * 1024;

/** Waves that wait for the end of the tick. */
export class Pack {
  readonly subject: string;
  readonly origin: Origin;
  readonly #seal: Seal;
  readonly #waves: Outbound[] = [];
  #most: number;

  constructor(subject: string, seal: Seal, origin: Origin) {
    this.subject = subject;
    this.origin = origin;
    this.#seal = seal;
    this.#most = mostBytesAround(origin);
  }

  /** Takes `wave` along; false when there is no more room. */
  add(wave: Outbound): boolean {
    const bytes = mostBytesOf(wave);
    const isFull = this.#waves.length === MOST_PACKED || this.#most + bytes > MOST_BYTES;
    if (isFull && this.#waves.length > 0) {
      return false;
    }
    this.#waves.push(wave);
    this.#most += bytes;
    return true;
  }

  /** The band of its waves, which all of them share. */
  get band(): number {
    return this.#waves[0]?.wave.band ?? 0;
  }

  get full(): boolean {
    return this.#waves.length === MOST_PACKED;
  }

  /** The message of a pack that has waited for `waitedMs` milliseconds. */
  encode(slab: Slab, waitedMs?: number): Buffer {
    return encode(slab, this.#seal, this.#waves, this.origin, this.#most, waitedMs);
  }

  /** Amplitude of the loudest wave. */
  get amplitude(): number {
    return this.#waves.reduce((loudest, { wave }) => Math.max(loudest, wave.amplitude), 0);
  }

  /** About how many bytes it takes. */
  get bytes(): number {
    return this.#most;
  }

  /** Whether nobody would hear any of it at `now`, in monotonic milliseconds. */
  stale(now: number): boolean {
    return this.#waves.every(({ wave }) => wave.hasFaded(now) || wave.exchange?.over === true);
  }
}
