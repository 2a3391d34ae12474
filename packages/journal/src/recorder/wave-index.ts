/** The index of the waves that groups have not passed: sequence, band and channel of each, seven bytes a wave. */

import { band } from "@aether/core";

/** Recorded waves are divided into fewer bands than others, as on JetStream: weights 1, 2, 4 and 8. */
export const RECORD_BANDS = 4;

export function recordBand(amplitude: number): number {
  return band(amplitude, RECORD_BANDS);
}

const CHUNK = 4096;
const FURTHEST = 2 ** 32;

/** Some waves in a row. Chunks know the next one and not the one before: what nobody points at any more is gone. */
export class Chunk {
  /** Every wave from this sequence on stands here, or further on. */
  readonly floor: number;
  next: Chunk | undefined = undefined;
  /** Bit b is set when a wave of band b is here. */
  mask = 0;
  count = 0;
  readonly #base: number;
  readonly #offsets = new Uint32Array(CHUNK);
  readonly #bands = new Uint8Array(CHUNK);
  readonly #channels = new Uint16Array(CHUNK);
  readonly #names: string[] = [];
  readonly #numbers = new Map<string, number>();

  constructor(floor: number) {
    this.floor = floor;
    this.#base = floor;
  }

  /** Whether a wave of `sequence` still fits in. */
  fits(sequence: number): boolean {
    return this.count < CHUNK && sequence - this.#base < FURTHEST;
  }

  add(sequence: number, waveBand: number, channel: string): void {
    const at = this.count++;
    let number = this.#numbers.get(channel);
    if (number === undefined) {
      number = this.#names.length;
      this.#names.push(channel);
      this.#numbers.set(channel, number);
    }
    this.#offsets[at] = sequence - this.#base;
    this.#bands[at] = waveBand;
    this.#channels[at] = number;
    this.mask |= 1 << waveBand;
  }

  sequenceAt(at: number): number {
    return this.#base + (this.#offsets[at] ?? 0);
  }

  bandAt(at: number): number {
    return this.#bands[at] ?? 0;
  }

  channelAt(at: number): string {
    return this.#names[this.#channels[at] ?? 0] ?? "";
  }

  /** Place of the first wave from `from` on that is of `waveBand`; `count`: there is none. */
  find(waveBand: number, from: number): number {
    if ((this.mask & (1 << waveBand)) === 0) {
      return this.count;
    }
    const at = this.#bands.subarray(0, this.count).indexOf(waveBand, from);
    return at < 0 ? this.count : at;
  }

  /** Place of the first wave that comes after `sequence`. */
  after(sequence: number): number {
    let at = 0;
    while (at < this.count && this.sequenceAt(at) <= sequence) {
      at++;
    }
    return at;
  }
}

/** Chunks in a row, up to the wave that was recorded last. */
export class WaveIndex {
  #head: Chunk;
  #tail: Chunk;
  #last: number;

  /** Waves after `sequence` will be pushed. */
  constructor(sequence: number) {
    this.#last = sequence;
    this.#head = new Chunk(sequence + 1);
    this.#tail = this.#head;
  }

  get head(): Chunk {
    return this.#head;
  }

  get tail(): Chunk {
    return this.#tail;
  }

  /** Sequence of the last wave. */
  get last(): number {
    return this.#last;
  }

  push(sequence: number, waveBand: number, channel: string): void {
    if (!this.#tail.fits(sequence)) {
      const next = new Chunk(sequence);
      this.#tail.next = next;
      this.#tail = next;
    }
    this.#tail.add(sequence, waveBand, channel);
    this.#last = sequence;
  }

  /** Holds on to the chunks from `chunk` on, and to none before it. */
  keepFrom(chunk: Chunk): void {
    this.#head = chunk;
  }

  /** Puts earlier waves, which end where `until` begins, before it. */
  prepend(earlier: WaveIndex, until: Chunk): void {
    earlier.#tail.next = until;
    this.#head = earlier.#head;
  }
}

/** A place in the index, which moves on through waves that are wanted. */
export class IndexCursor {
  chunk: Chunk;
  at: number;

  constructor(chunk: Chunk, at = 0) {
    this.chunk = chunk;
    this.at = at;
  }

  /** A cursor on the first wave after `sequence`, from `chunk` on. */
  static after(sequence: number, chunk: Chunk): IndexCursor {
    let from = chunk;
    while (from.next !== undefined && from.next.floor <= sequence) {
      from = from.next;
    }
    return new IndexCursor(from, from.after(sequence));
  }

  copy(): IndexCursor {
    return new IndexCursor(this.chunk, this.at);
  }

  /** Sequence of the next wave of `waveBand` that is wanted, on which it stands then; 0: there is none yet. */
  peek(waveBand: number, wants: (channel: string) => boolean): number {
    for (;;) {
      const { chunk } = this;
      this.at = chunk.find(waveBand, this.at);
      if (this.at < chunk.count) {
        if (wants(chunk.channelAt(this.at))) {
          return chunk.sequenceAt(this.at);
        }
        this.at++;
      } else if (chunk.next === undefined) {
        return 0;
      } else {
        this.chunk = chunk.next;
        this.at = 0;
      }
    }
  }

  /** Sequence of the wave it stands on, whatever that is; 0: there is none yet. */
  here(): number {
    while (this.at >= this.chunk.count && this.chunk.next !== undefined) {
      this.chunk = this.chunk.next;
      this.at = 0;
    }
    return this.at < this.chunk.count ? this.chunk.sequenceAt(this.at) : 0;
  }

  step(): void {
    this.at++;
  }
}
