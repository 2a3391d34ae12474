/** The dead letter box of one aether: what enters, what people do with it, and the counts of both. */

import type { Clock } from "../clock.ts";
import { AetherError, type ErrorCode, expected, messageOf } from "../errors.ts";
import type { Presence } from "../medium/medium.ts";
import { type Amplitude, amplitudeOf } from "../physics/amplitude.ts";
import { Channel } from "../wave/channel.ts";
import { assertPattern, LONGEST_CHANNEL } from "../wave/channel-name.ts";
import type { Ids } from "../wave/ids.ts";
import type { Wave } from "../wave/wave.ts";
import type {
  DeadLetter,
  DeadLetterError,
  DeadLetterPurge,
  DeadLetterQuery,
  DeadLetterStats,
  DeadLetterStore,
  DeadLetters,
  ReemitOptions,
} from "./dead-letters.ts";
import type { Observers } from "./observers.ts";
import { assertKnown, wholeOf } from "./options.ts";
import type { Receipt } from "./receipt.ts";
import type { Changes, Reemission } from "./reemission.ts";

/** How dead letters are kept. */
export interface DeadLetterOptions {
  /** Most letters. Full, the quietest, oldest one gives way. Default 1000. */
  readonly capacity?: number | undefined;
  /** Amplitude at emission below which a wave does not enter, 0..1 or a name. Default 0. */
  readonly minAmplitude?: Amplitude | undefined;
}

const DEFAULT_CAPACITY = 1000;
const LONGEST_TEXT = 4096;

/** `options` of `Aether.connect`, checked; `undefined`: none are kept. Throws `AETHER_BAD_OPTION`. */
export function deadLetterSettings(
  options: DeadLetterOptions | false = {},
): { readonly capacity: number; readonly minAmplitude: number } | undefined {
  if (options === false) {
    return undefined;
  }
  assertKnown(options, { capacity: true, minAmplitude: true }, "deadLetters");
  return {
    capacity: wholeOf("deadLetters.capacity", options.capacity ?? DEFAULT_CAPACITY, 1),
    minAmplitude: amplitudeOf(options.minAmplitude ?? 0),
  };
}

/** What a dead letter box needs of an aether. */
export interface DeadLetterParts {
  /** Where they are kept; `undefined`: nowhere. */
  readonly store: DeadLetterStore | undefined;
  readonly minAmplitude: number;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly observers: Observers;
}

/** The dead letters of one aether. */
export class DeadLetterBox implements DeadLetters {
  readonly #parts: DeadLetterParts;
  readonly reemission: Reemission;
  /** Letters that were taken, for their wave is being emitted again. */
  #taken = 0;
  #entered = 0;
  #reemitted = 0;
  #purged = 0;

  constructor(parts: DeadLetterParts, reemission: Reemission) {
    this.#parts = parts;
    this.reemission = reemission;
  }

  /** `wave` has failed for good, by `error` after `attempts` runs, at the resonance of `presence`. Queries are told instead. */
  enter(wave: Wave, error: unknown, attempts: number, presence: Presence): void {
    const { store, minAmplitude, clock, ids, observers } = this.#parts;
    if (store === undefined || wave.kind === "query" || wave.amplitude < minAmplitude) {
      return;
    }
    const { group, name, instance, vibrator, pattern } = presence;
    const { id, channel, source, sourceId } = wave;
    const letter: DeadLetter = {
      id: ids.next(),
      wave: wave.asCopy(), // A way back would keep its emitter's end alive.
      error: describe(error),
      attempts,
      group,
      name,
      instance,
      origin: { source, sourceId },
      at: clock.now(),
    };
    this.#entered++;
    void store.add(letter);
    if (observers.dead.listens) {
      observers.dead.tell({ id, channel, wave, vibrator, pattern, error, group, name, attempts, letter: letter.id });
    }
  }

  list(query: DeadLetterQuery = {}): AsyncIterable<DeadLetter> {
    assertKnown(query, { pattern: true, limit: true }, "deadLetters.list");
    assertPatternIfAny(query.pattern);
    if (query.limit !== undefined) {
      wholeOf("limit", query.limit, 1);
    }
    return this.#parts.store?.list(query) ?? NO_LETTERS;
  }

  async reemit(id: string, options: ReemitOptions = {}): Promise<Receipt> {
    if (typeof id !== "string") {
      throw expected("id", "the id of a dead letter", id);
    }
    const changes = changesOf(options);
    const { store } = this.#parts;
    // Taken before its wave leaves: should that fail again, its new letter finds the place of the old one.
    const letter = await store?.take(id);
    if (store === undefined || letter === undefined) {
      throw unknownLetter(id);
    }
    this.#taken++;
    let left = false;
    try {
      const receipt = await this.reemission.send(letter, changes);
      left = receipt.outcome === "travelled" && receipt.heard !== 0;
      return receipt;
    } finally {
      this.#taken--;
      if (left) {
        this.#reemitted++;
        await store.forget(id);
      } else {
        await store.putBack(letter);
      }
    }
  }

  async purge(which: DeadLetterPurge = {}): Promise<number> {
    assertKnown(which, { pattern: true, id: true, before: true }, "deadLetters.purge");
    assertPatternIfAny(which.pattern);
    if (which.id !== undefined && typeof which.id !== "string") {
      throw expected("id", "the id of a dead letter", which.id);
    }
    if (which.before !== undefined && !Number.isFinite(which.before)) {
      throw expected("before", "wall-clock milliseconds since the epoch", which.before);
    }
    const purged = (await this.#parts.store?.purge(which)) ?? 0;
    this.#purged += purged;
    return purged;
  }

  get stats(): DeadLetterStats {
    const { size: kept = 0, evicted = 0 } = this.#parts.store ?? {};
    const [entered, reemitted, purged] = [this.#entered, this.#reemitted, this.#purged];
    return { entered, kept: kept + this.#taken, evicted, reemitted, purged };
  }
}

const NO_LETTERS: AsyncIterable<DeadLetter> = {
  async *[Symbol.asyncIterator]() {
    // None are kept.
  },
};

function assertPatternIfAny(pattern: string | undefined): void {
  if (pattern !== undefined) {
    assertPattern(pattern, LONGEST_CHANNEL);
  }
}

function changesOf(options: ReemitOptions): Changes {
  assertKnown(options, { payload: true, channel: true, amplitude: true, to: true }, "deadLetters.reemit");
  const { channel, amplitude, to } = options;
  if (to !== undefined && to !== "all") {
    throw expected("to", 'left out, or "all"', to);
  }
  if (channel !== undefined && typeof channel !== "string" && !(channel instanceof Channel)) {
    throw expected("channel", "a name or a contract", channel);
  }
  return {
    payload: Object.hasOwn(options, "payload") ? { value: options.payload } : undefined,
    channel,
    amplitude: amplitude === undefined ? undefined : amplitudeOf(amplitude),
    toAll: to === "all",
  };
}

function unknownLetter(id: string): AetherError {
  return new AetherError("AETHER_UNKNOWN_LETTER", "Expected the id of a dead letter that is there, got another one", {
    details: { id },
  });
}

/** What can be kept of `error`, whatever was thrown. Its stack becomes a text when it is read: that takes its time. */
function describe(error: unknown): DeadLetterError {
  let stack: string | undefined;
  let thrown = error;
  return {
    code: codeOf(error),
    message: messageOf(error).slice(0, LONGEST_TEXT),
    get stack() {
      if (thrown !== undefined) {
        stack = stackOf(thrown);
        thrown = undefined;
      }
      return stack;
    },
  };
}

function codeOf(error: unknown): ErrorCode {
  try {
    return error instanceof AetherError ? error.code : "AETHER_HANDLER_FAILED";
  } catch {
    return "AETHER_HANDLER_FAILED"; // It throws when it is looked at.
  }
}

function stackOf(error: unknown): string | undefined {
  try {
    const stack: unknown = error instanceof Error ? error.stack : undefined;
    return typeof stack === "string" ? stack.slice(0, LONGEST_TEXT) : undefined;
  } catch {
    return undefined; // It throws when it is looked at.
  }
}
