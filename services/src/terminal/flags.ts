/** The command line of `npm start`, checked. */

import { parseArgs } from "node:util";

export interface Flags {
  readonly once: boolean;
  readonly help: boolean;
  /** A whole number of 32 bits; absent: to be chosen. */
  readonly seed: number | undefined;
  /** Orders a second. */
  readonly rate: number;
}

export const USAGE = `Usage: npm start -- [options]

Runs the sample shop in one process and shows every wave.

  --once     handle one order, show its way and exit
  --seed N   replay the orders of seed N, a whole number (also: AETHER_SEED)
  --rate N   orders a second, above 0 and up to 1000 (default 1.5)
  --help     show this text
`;

const LARGEST_SEED = 2 ** 32 - 1;

/** A command line that cannot be followed; the message says why. */
export class UsageError extends Error {}

/** What `args` ask for. Throws {@link UsageError}. */
export function flagsOf(args: readonly string[], env: Readonly<Record<string, string | undefined>>): Flags {
  const { once, help, seed = env["AETHER_SEED"], rate } = parsed(args);
  const seedSource = env["AETHER_SEED"] !== undefined && seed === env["AETHER_SEED"] ? "AETHER_SEED" : "--seed";
  return {
    once,
    help,
    seed: seed === undefined || seed === "" ? undefined : seedOf(seedSource, seed),
    rate: rate === undefined ? 1.5 : rateOf(rate),
  };
}

function parsed(args: readonly string[]): { once: boolean; help: boolean; seed?: string; rate?: string } {
  try {
    return parseArgs({
      args: [...args],
      options: {
        once: { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
        seed: { type: "string" },
        rate: { type: "string" },
      },
    }).values;
  } catch (error) {
    // Of Node's text the first sentence says what is wrong; the rest explains positional arguments.
    throw new UsageError(error instanceof Error ? (error.message.split(/\.\s|\n/)[0] ?? error.message) : String(error));
  }
}

function seedOf(source: string, text: string): number {
  const seed = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(seed <= LARGEST_SEED)) {
    throw new UsageError(`Expected ${source} to be a whole number from 0 to ${LARGEST_SEED}, got "${text}"`);
  }
  return seed;
}

function rateOf(text: string): number {
  const rate = text.trim() === "" ? Number.NaN : Number(text);
  if (!(rate > 0 && rate <= 1000)) {
    throw new UsageError(`Expected --rate to be a number above 0 and up to 1000, got "${text}"`);
  }
  return rate;
}
