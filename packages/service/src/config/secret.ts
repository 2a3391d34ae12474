/** A secret: a text that prints as `[redacted]`, whoever prints it, and that comes out only when it is asked for. */

import { createHash, timingSafeEqual } from "node:crypto";
import { inspect } from "node:util";

/** What is printed in place of a secret. */
export const REDACTED = "[redacted]";

/** A text that never prints: `String`, templates, `JSON.stringify` and `util.inspect` give `[redacted]`. */
export class Secret {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
    Object.freeze(this);
  }

  /** The text itself. Give it to whoever needs it, and to nobody who prints. */
  reveal(): string {
    return this.#text;
  }

  /** Whether `other` is the same text; takes the same time wherever the two begin to differ. */
  matches(other: string | Secret): boolean {
    return timingSafeEqual(digestOf(this.#text), digestOf(typeof other === "string" ? other : other.#text));
  }

  toString(): string {
    return REDACTED;
  }

  toJSON(): string {
    return REDACTED;
  }

  static {
    Object.defineProperty(Secret.prototype, inspect.custom, { value: () => REDACTED });
  }
}

function digestOf(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
