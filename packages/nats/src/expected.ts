/** The one form of validation texts of this package. */

import { AetherError } from "@aether/core";

/** Names of an options type, compared by the compiler. */
export type Known<T> = { readonly [K in keyof Required<T>]: true };

const LONGEST_SHOWN = 80;

/** "Expected `option` to be …, got …", with the code `AETHER_BAD_OPTION`. */
export function expected(option: string, what: string, got: unknown): AetherError {
  return new AetherError("AETHER_BAD_OPTION", `Expected \`${option}\` to be ${what}, got ${shown(got)}`, {
    details: { option, expected: what },
  });
}

function shown(got: unknown): string {
  if (typeof got === "string") {
    return JSON.stringify(got.slice(0, LONGEST_SHOWN));
  }
  return typeof got === "object" && got !== null ? "an object" : typeof got === "function" ? "a function" : String(got);
}

/** Throws `AETHER_BAD_OPTION` unless `value` is an object with no other keys than those of `known`. */
export function assertKnown<T extends object>(name: string, value: T, known: Known<T>): void {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw expected(name, "an object", value);
  }
  for (const key of Object.keys(value)) {
    if (!Object.hasOwn(known, key)) {
      throw expected(name, `only ${Object.keys(known).join(", ")}`, key);
    }
  }
}

/** `amount` if it is a whole number of at least 1; `otherwise` where none was given. */
export function wholeOf(name: string, amount: unknown, otherwise: number): number {
  if (amount === undefined) {
    return otherwise;
  }
  if (typeof amount === "number" && Number.isSafeInteger(amount) && amount >= 1) {
    return amount;
  }
  throw expected(name, "a whole number of at least 1", amount);
}

/** More milliseconds than this no timer can wait. */
const LONGEST_MS = 2 ** 31 - 1;

/** `amount` if a timer can wait so many milliseconds; `otherwise` where none was given. */
export function millisecondsOf(name: string, amount: unknown, otherwise: number): number {
  const ms = wholeOf(name, amount, otherwise);
  if (ms > LONGEST_MS) {
    throw expected(name, `at most ${LONGEST_MS} milliseconds`, ms);
  }
  return ms;
}
