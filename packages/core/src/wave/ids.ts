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

/** Makes ids that share one random prefix of 103 bits. */
export class Ids {
  readonly #prefix: string;
  #count = 0;

  constructor(random: Random) {
    this.#prefix = `${randomToken(random, PREFIX_LENGTH)}-`;
  }

  next(): string {
    return this.#prefix + ++this.#count;
  }
}
