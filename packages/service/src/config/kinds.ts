/** The kinds of values that keys have: what they must be, in words and as a schema, and how they are read from text. */

import { matches } from "@aether/core";
import { parse } from "smol-toml";
import { z } from "zod";
import { Secret } from "./secret.ts";

/** A kind of value. */
export interface Kind<T> {
  /** What it must be: stands behind "Expected … to be". */
  readonly words: string;
  readonly schema: z.ZodType<T>;
  /** A text of the environment or the command line as the value that TOML would give; the schema then judges it. */
  readonly ofText: (text: string) => unknown;
  /** Its values are never shown. */
  readonly secret: boolean;
}

const LONGEST_TEXT = 4096;
const LONGEST_SECRET = 65_536;
const LONGEST_MS = 2 ** 31 - 1;
const MOST_ITEMS = 1000;
const MOST_PORT = 65_535;

const plain = z.string().min(1).max(LONGEST_TEXT);

function kind<T>(words: string, schema: z.ZodType<T>, ofText: (text: string) => unknown): Kind<T> {
  return { words, schema, ofText, secret: false };
}

const asIs = (text: string): unknown => text;

/** A number if `text` is one. */
function numberIn(text: string): unknown {
  const trimmed = text.trim();
  const number = trimmed === "inf" ? Number.POSITIVE_INFINITY : Number(trimmed);
  return trimmed === "" || Number.isNaN(number) ? text : number;
}

export const flag: Kind<boolean> = kind("true or false", z.boolean(), (text) =>
  text === "true" ? true : text === "false" ? false : text,
);

export const text: Kind<string> = kind("a text that is not empty", plain, asIs);

/** A name that can be a token of a channel. */
export const token: Kind<string> = kind(
  "a name of letters, digits, `-` and `_`, 64 at the most",
  z.string().regex(/^[A-Za-z0-9_-]{1,64}$/),
  asIs,
);

export function oneOf<T extends string>(...names: readonly T[]): Kind<T> {
  const isOne = (value: unknown): value is T => names.some((name) => name === value);
  return kind(`one of ${names.map((name) => `"${name}"`).join(", ")}`, z.custom<T>(isOne), asIs);
}

export function whole(least: number, most: number = Number.MAX_SAFE_INTEGER): Kind<number> {
  const words =
    most === Number.MAX_SAFE_INTEGER
      ? `a whole number of at least ${least}`
      : `a whole number from ${least} to ${most}`;
  return kind(words, z.int().min(least).max(most), numberIn);
}

/** A number that `fits`. */
export function amount(words: string, fits: (value: number) => boolean): Kind<number> {
  return kind(words, z.number().refine(fits), numberIn);
}

/** Milliseconds: a number, or a text with a unit. `least` is the shortest; `Infinity` only where `endless`. */
export function duration(least: number, endless = false): Kind<number> {
  const fits = (ms: unknown): ms is number =>
    typeof ms === "number" && ms >= least && (ms <= LONGEST_MS || (endless && ms === Number.POSITIVE_INFINITY));
  const schema = z.preprocess(
    (value: unknown) => (typeof value === "string" ? (millisecondsIn(value) ?? value) : value),
    z.custom<number>(fits),
  );
  const from = least === 0 ? "0" : `${least} ms`;
  const words = `milliseconds from ${from} up to 24 days, as a number or as a text such as "5s", "250ms", "1m" or "1h"`;
  return kind(endless ? `${words}, or inf` : words, schema, numberIn);
}

const UNITS: ReadonlyMap<string, number> = new Map([
  ["ms", 1],
  ["s", 1000],
  ["m", 60_000],
  ["h", 3_600_000],
]);

/** `"1.5s"` as 1500; `undefined` where it is no duration. */
function millisecondsIn(text: string): number | undefined {
  const [, count, unit = ""] = /^(\d{1,12}(?:\.\d{1,6})?)(ms|s|m|h)$/.exec(text.trim()) ?? [];
  const factor = UNITS.get(unit);
  return count === undefined || factor === undefined ? undefined : Number(count) * factor;
}

export const noiseFloor: Kind<number | "adaptive"> = kind(
  'a number from 0 to 1, or "adaptive"',
  z.union([z.literal("adaptive"), z.number().min(0).max(1)]),
  numberIn,
);

/** Values of `item`: a list in TOML; in a text the same, or separated by commas. */
export function listOf(words: string, item: Kind<string>): Kind<readonly string[]> {
  return kind(words, z.array(item.schema).max(MOST_ITEMS), (text) => {
    if (text.trimStart().startsWith("[")) {
      return listIn(text);
    }
    const items = text.split(",").map((one) => one.trim());
    return items.filter((one) => one !== "");
  });
}

/** What `text` is in TOML; the text itself where it is nothing. */
function listIn(text: string): unknown {
  try {
    return parse(`list = ${text}`, { maxDepth: 2 })["list"];
  } catch {
    return text;
  }
}

/** A pattern of channels, by the rules of the core. */
export const pattern: Kind<string> = kind("a pattern of channels", plain.refine(isPattern), asIs);

function isPattern(text: string): boolean {
  try {
    matches(text, "a");
    return true;
  } catch {
    return false;
  }
}

/** `host:port`. */
export const bind: Kind<string> = kind(
  'an address such as "127.0.0.1:9000" or "[::1]:9000"',
  plain.refine((text) => {
    const at = text.lastIndexOf(":");
    const port = text.slice(at + 1);
    const url = urlOf(`tcp://${text}`);
    const hostless = url === undefined || url.hostname === "" || url.username !== "" || text.includes("@");
    const more = url !== undefined && (url.pathname !== "" || url.search !== "" || url.hash !== "");
    return at > 0 && !hostless && !more && /^\d{1,5}$/.test(port) && Number(port) <= MOST_PORT;
  }),
  asIs,
);

/** One address or several, separated by commas; an identity in an address would end up in logs. */
export function addresses(words: string, schemes: readonly string[], most: number): Kind<string> {
  const fits = (text: string): boolean => {
    const list = addressesIn(text);
    return list.length > 0 && list.length <= most && list.every((address) => isAddress(address, schemes));
  };
  return kind(words, plain.refine(fits), asIs);
}

/** The addresses of a text that separates them by commas. */
export function addressesIn(text: string): readonly string[] {
  return text.split(",").map((address) => address.trim());
}

function isAddress(text: string, schemes: readonly string[]): boolean {
  const url = urlOf(text);
  return (
    url !== undefined &&
    schemes.includes(url.protocol.slice(0, -1)) &&
    url.hostname !== "" &&
    // An empty identity is none for the parser, so the text is asked as well.
    url.username === "" &&
    url.password === "" &&
    !text.includes("@")
  );
}

function urlOf(text: string): URL | undefined {
  try {
    return new URL(text);
  } catch {
    return undefined;
  }
}

export const secret: Kind<Secret> = {
  words: "a text that is not empty",
  schema: z
    .string()
    .min(1)
    .max(LONGEST_SECRET)
    .transform((text) => new Secret(text)),
  ofText: asIs,
  secret: true,
};
