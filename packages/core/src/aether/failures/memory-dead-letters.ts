/** Dead letters in memory: a bounded store that lives as long as its aether. */

import type { DeadLetter, DeadLetterPurge, DeadLetterQuery } from "../../medium/dead-letter-store.ts";
import { BANDS } from "../../physics/amplitude.ts";
import { matches } from "../../wave/pattern.ts";

/** Most bytes of all payloads together, counted as in an inbox. */
const MOST_BYTES = 64 * 1024 * 1024;
/** Empty places at the beginning of a band that are worth being removed. */
const MOST_EMPTY = 256;

/** A letter, and its place in the order of their coming. */
interface Entry {
  readonly letter: DeadLetter;
  readonly place: number;
}

/** The letters of one band, oldest first. Only those from `#first` on are there, so that the oldest goes at no cost. */
class Band {
  #entries: (Entry | undefined)[] = [];
  #first = 0;
  bytes = 0;

  get size(): number {
    return this.#entries.length - this.#first;
  }

  /** Adds an entry behind those that came before it. */
  add(entry: Entry): void {
    this.bytes += entry.letter.wave.bytes;
    let at = this.#entries.length;
    while (at > this.#first && (this.#entries[at - 1]?.place ?? 0) > entry.place) {
      at--;
    }
    if (at === this.#entries.length) {
      this.#entries.push(entry);
    } else {
      this.#entries.splice(at, 0, entry);
    }
  }

  /** Removes and gives the oldest. */
  shift(): DeadLetter | undefined {
    return this.#removeAt(this.#first)?.letter;
  }

  remove(which: (letter: DeadLetter) => boolean): Entry | undefined {
    const at = this.#entries.findIndex((entry) => entry !== undefined && which(entry.letter));
    return at < 0 ? undefined : this.#removeAt(at);
  }

  #removeAt(at: number): Entry | undefined {
    const entry = this.#entries[at];
    if (at > this.#first) {
      this.#entries.splice(at, 1);
    } else {
      this.#entries[this.#first++] = undefined;
      if (this.#first >= MOST_EMPTY && this.#first >= this.size) {
        this.#entries = this.#entries.slice(this.#first);
        this.#first = 0;
      }
    }
    this.bytes -= entry?.letter.wave.bytes ?? 0;
    return entry;
  }

  *[Symbol.iterator](): Iterator<Entry> {
    for (const entry of this.#entries.slice(this.#first)) {
      if (entry !== undefined) {
        yield entry;
      }
    }
  }
}

/** Keeps at most `capacity` letters. Full, it gives up the oldest of the quietest band, as an inbox does. */
export class MemoryDeadLetters {
  readonly #capacity: number;
  readonly #mostBytes: number;
  readonly #bands: readonly Band[] = Array.from({ length: BANDS }, () => new Band());
  /** The places of letters that were taken, by id. */
  readonly #taken = new Map<string, number>();
  #came = 0;
  #size = 0;
  #bytes = 0;
  #evicted = 0;

  constructor(capacity: number, mostBytes: number = MOST_BYTES) {
    this.#capacity = capacity;
    this.#mostBytes = mostBytes;
  }

  /** Letters that are there. */
  get size(): number {
    return this.#size;
  }

  /** Letters that it gave up, or did not take, to keep its bounds. */
  get evicted(): number {
    return this.#evicted;
  }

  /** Takes a letter; one that it cannot keep counts as evicted. */
  add(letter: DeadLetter): void {
    const place = this.#came++;
    if (this.#isFull(1, letter.wave.bytes) && !this.#canMakeRoom(letter)) {
      this.#evicted++;
    } else {
      this.#insert({ letter, place });
    }
  }

  #isFull(letters: number, bytes: number): boolean {
    return this.#size + letters > this.#capacity || this.#bytes + bytes > this.#mostBytes;
  }

  /** Whether giving up everything up to the band of `letter` would let it in: none is given up in vain. */
  #canMakeRoom({ wave }: DeadLetter): boolean {
    let letters = 1;
    let { bytes } = wave;
    for (const band of this.#bands.slice(0, wave.band + 1)) {
      letters -= band.size;
      bytes -= band.bytes;
    }
    return !this.#isFull(letters, bytes);
  }

  #insert(entry: Entry): void {
    const { band, bytes } = entry.letter.wave;
    this.#bands[band]?.add(entry);
    this.#size++;
    this.#bytes += bytes;
    while (this.#isFull(0, 0)) {
      const oldest = this.#bands.find(({ size }) => size > 0)?.shift();
      this.#removed(oldest);
      this.#evicted++;
    }
  }

  #removed(letter: DeadLetter | undefined): void {
    if (letter !== undefined) {
      this.#size--;
      this.#bytes -= letter.wave.bytes;
    }
  }

  /** All that are there, oldest first. */
  get #letters(): DeadLetter[] {
    return this.#bands
      .flatMap((band) => [...band])
      .sort((a, b) => a.place - b.place)
      .map(({ letter }) => letter);
  }

  /** Letters, oldest first, as they are now. */
  list({ pattern, limit }: DeadLetterQuery): readonly DeadLetter[] {
    return this.#letters.filter(({ wave }) => covers(pattern, wave.channel)).slice(0, limit);
  }

  /** Takes a letter out: it makes room, and nobody else can take it. */
  take(id: string): DeadLetter | undefined {
    for (const band of this.#bands) {
      const entry = band.remove((letter) => letter.id === id);
      if (entry !== undefined) {
        this.#removed(entry.letter);
        this.#taken.set(id, entry.place);
        return entry.letter;
      }
    }
    return undefined;
  }

  /** Puts a letter that was taken back into its place. */
  putBack(letter: DeadLetter): void {
    const place = this.#taken.get(letter.id);
    if (place !== undefined) {
      this.#taken.delete(letter.id);
      this.#insert({ letter, place });
    }
  }

  /** A letter that was taken is done with. */
  forget(id: string): void {
    this.#taken.delete(id);
  }

  /** How many it removed. */
  purge({ pattern, id, before = Number.POSITIVE_INFINITY }: DeadLetterPurge): number {
    const gone = new Set(
      this.#letters.filter(
        (letter) =>
          (id === undefined || letter.id === id) && letter.at < before && covers(pattern, letter.wave.channel),
      ),
    );
    for (const letter of gone) {
      this.#bands[letter.wave.band]?.remove((other) => other === letter);
      this.#removed(letter);
    }
    return gone.size;
  }
}

function covers(pattern: string | undefined, channel: string): boolean {
  return pattern === undefined || matches(pattern, channel);
}
