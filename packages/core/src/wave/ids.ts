/** Wave ids: a random prefix for the process and a counter, unique without asking anybody and cheap to make. */

const ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz";
const PREFIX_LENGTH = 20;

/** A source of randomness: a number from 0 up to, but not including, 1. */
export type Random = () => number;

/** The platform's secure randomness, at the resolution of 32 bits. */
export const systemRandom: Random = () => {
  const [word = 0] = crypto.getRandomValues(new Uint32Array(1));
  return word / 2 ** 32;
};

/** A text of `length` characters 0–9 a–z: 5.17 bits each. */
export function randomToken(random: Random, length: number): string {
  let token = "";
  for (let i = 0; i < length; i++) {
    token += ALPHABET[Math.floor(random() * ALPHABET.length)];
  }
  return token;
}

/** The last two digits of an id, in base 36, written once. */
const LAST_DIGITS: readonly string[] = Array.from({ length: 36 ** 2 }, (_, i) => i.toString(36).padStart(2, "0"));

/** Makes ids that share one random prefix of 103 bits, and count on from it. */
export class Ids {
  readonly #prefix: string;
  #hundreds = 0;
  /** The prefix with all digits but the last two: made anew once in 1296 ids. */
  #stem: string;
  #last = 0;

  constructor(random: Random) {
    this.#prefix = `${randomToken(random, PREFIX_LENGTH)}-`;
    this.#stem = `${this.#prefix}0`;
  }

  next(): string {
    if (this.#last === LAST_DIGITS.length) {
      this.#last = 0;
      this.#stem = this.#prefix + (++this.#hundreds).toString(36);
    }
    return this.#stem + LAST_DIGITS[this.#last++];
  }
}
