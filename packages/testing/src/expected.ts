/** The one form of validation texts of this package. */

import { AetherError } from "@aether/core";

const LONGEST_SHOWN = 80;

/** "Expected `option` to be …, got …", with the code `AETHER_BAD_OPTION`. */
export function expected(option: string, what: string, got: unknown): AetherError {
  return new AetherError("AETHER_BAD_OPTION", `Expected \`${option}\` to be ${what}, got ${shown(got)}`, {
    details: { option, expected: what, got },
  });
}

/** Throws `AETHER_BAD_OPTION` unless `value` is an object with no other keys than `known`. */
export function assertKnown(name: string, value: unknown, known: readonly string[]): asserts value is object {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw expected(name, "an object", value);
  }
  const unknown = Object.keys(value).find((key) => !known.includes(key));
  if (unknown !== undefined) {
    throw expected(name, `only ${known.join(", ")}`, unknown);
  }
}

function shown(got: unknown): string {
  if (typeof got === "string") {
    return JSON.stringify(got.slice(0, LONGEST_SHOWN));
  }
  return typeof got === "object" && got !== null ? "an object" : typeof got === "function" ? "a function" : String(got);
}
