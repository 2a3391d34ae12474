/** The dead letter box of one aether: what enters, in memory or for good, what people do with it, and the counts of both. */

import type { Clock } from "../../clock.ts";
import { AetherError, type ErrorCode, expected, messageOf } from "../../errors.ts";
import type {
  DeadLetter,
  DeadLetterError,
  DeadLetterPurge,
  DeadLetterQuery,
  DeadLetterStats,
  DeadLetterStore,
  NewDeadLetter,
} from "../../medium/dead-letter-store.ts";
import type { Presence } from "../../medium/presence.ts";
import { type Amplitude, amplitudeOf } from "../../physics/amplitude.ts";
import { Channel } from "../../wave/channel.ts";
import { assertPattern, isReserved, LONGEST_CHANNEL } from "../../wave/channel-name.ts";
import type { Ids } from "../../wave/ids.ts";
import type { Wave } from "../../wave/wave.ts";
import type { Observers } from "../observers.ts";
import { assertKnown, wholeOf } from "../options.ts";
import type { Receipt } from "../receipt.ts";
import type { DeadLetters, PurgeOptions, ReemitOptions } from "./dead-letters.ts";
import type { DeadNotices } from "./dead-notices.ts";
import type { MemoryDeadLetters } from "./memory-dead-letters.ts";
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
  /** Where those of ephemeral waves are kept; `undefined`: nowhere. */
  readonly memory: MemoryDeadLetters | undefined;
  /** Where those of recorded waves are kept; `undefined`: where the others are. */
  readonly durable: DeadLetterStore | undefined;
  readonly minAmplitude: number;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly observers: Observers;
  /** Who tells of letters by waves. */
  readonly notices: DeadNotices;
}

const NONE: DeadLetterStats = { entered: 0, kept: 0, evicted: 0, reemitted: 0, purged: 0 };

/** The dead letters that one aether sees. */
export class DeadLetterBox implements DeadLetters {
  readonly #parts: DeadLetterParts;
  readonly reemission: Reemission;
  /** Letters that were taken out of the memory, for their wave is being emitted again. */
  #taken = 0;
  #entered = 0;
  #reemitted = 0;
  #purged = 0;
  /** What was last known of the durable ones. */
  #durable = NONE;
  #looking: Promise<void> | undefined;
  #looksAgain = false;

  constructor(parts: DeadLetterParts, reemission: Reemission) {
    this.#parts = parts;
    this.reemission = reemission;
  }

  /**
   * `wave`, which came from a record if it is `recorded`, has failed for good, by `error` after `attempts` runs, at the
   * resonance of `presence`. Queries are told instead. A promise: the wave is not done with before it resolves, and not at
   * all when it rejects.
   */
  enter(
    wave: Wave,
    error: unknown,
    attempts: number,
    presence: Presence,
    recorded: boolean,
  ): Promise<void> | undefined {
    const { memory, durable, minAmplitude, clock, ids } = this.#parts;
    const isNotice = isReserved(wave.channel); // A letter about a letter would never end.
    if (memory === undefined || wave.kind === "query" || isNotice || wave.amplitude < minAmplitude) {
      return undefined;
    }
    const { group, name, instance } = presence;
    const { source, sourceId } = wave;
    const letter: NewDeadLetter = {
      wave: wave.asCopy(), // A way back would keep its emitter's end alive.
      error: describe(error),
      attempts,
      group,
      name,
      instance,
      origin: { source, sourceId },
      at: clock.now(),
    };
    if (recorded && durable !== undefined) {
      return this.#keep(durable, letter, error, presence);
    }
    const id = ids.next();
    this.#entered++;
    memory.add({ id, ...letter });
    this.#tell(id, letter, error, presence);
    return undefined;
  }

  async #keep(durable: DeadLetterStore, letter: NewDeadLetter, error: unknown, presence: Presence): Promise<void> {
    const id = await durable.add(letter);
    this.#look(durable);
    this.#tell(id, letter, error, presence);
  }

  #tell(letter: string, entered: NewDeadLetter, error: unknown, presence: Presence): void {
    const { observers, notices } = this.#parts;
    const { dead } = observers;
    notices.tell(letter, entered, presence.vibrator);
    if (dead.listens) {
      const { wave, attempts } = entered;
      const { id, channel } = wave;
      const { group, name, vibrator, pattern } = presence;
      dead.tell({ id, channel, wave, vibrator, pattern, error, group, name, attempts, letter });
    }
  }

  list(query: DeadLetterQuery = {}): AsyncIterable<DeadLetter> {
    assertKnown(query, { pattern: true, limit: true }, "deadLetters.list");
    assertPatternIfAny(query.pattern);
    if (query.limit !== undefined) {
      wholeOf("limit", query.limit, 1);
    }
    const { memory, durable } = this.#parts;
    return merged(memory?.list(query) ?? [], durable?.list(query), query.limit);
  }

  async reemit(id: string, options: ReemitOptions = {}): Promise<Receipt> {
    if (typeof id !== "string") {
      throw expected("id", "the id of a dead letter", id);
    }
    const changes = changesOf(options);
    const { memory, durable } = this.#parts;
    // Taken before its wave leaves: should that fail again, its new letter finds the place of the old one.
    const letter = memory?.take(id);
    if (memory !== undefined && letter !== undefined) {
      return await this.#reemitFrom(memory, letter, changes);
    }
    const lasting = await durable?.take(id);
    if (durable === undefined || lasting === undefined) {
      throw unknownLetter(id);
    }
    return await this.#reemitLasting(durable, lasting, changes);
  }

  async #reemitFrom(memory: MemoryDeadLetters, letter: DeadLetter, changes: Changes): Promise<Receipt> {
    this.#taken++;
    let left = false;
    try {
      const receipt = await this.reemission.send(letter, changes, undefined);
      left = hasLeft(receipt);
      return receipt;
    } finally {
      this.#taken--;
      if (left) {
        this.#reemitted++;
        memory.forget(letter.id);
      } else {
        memory.putBack(letter);
      }
    }
  }

  /** The wave leaves under the id of the letter: whoever emits it again, after a crash or an error, emits the same. */
  async #reemitLasting(durable: DeadLetterStore, letter: DeadLetter, changes: Changes): Promise<Receipt> {
    let left = false;
    try {
      const receipt = await this.reemission.send(letter, changes, letter.id);
      left = hasLeft(receipt);
      return receipt;
    } finally {
      await (left ? durable.forget(letter.id) : durable.putBack(letter.id));
      this.#look(durable);
    }
  }

  async purge(asked: PurgeOptions = {}): Promise<number> {
    assertKnown(asked, { pattern: true, id: true, before: true }, "deadLetters.purge");
    assertPatternIfAny(asked.pattern);
    if (asked.id !== undefined && typeof asked.id !== "string") {
      throw expected("id", "the id of a dead letter", asked.id);
    }
    const before = asked.before instanceof Date ? asked.before.getTime() : asked.before;
    if (before !== undefined && !Number.isFinite(before)) {
      throw expected("before", "a valid Date, or wall-clock milliseconds since the epoch", asked.before);
    }
    const which: DeadLetterPurge = { ...asked, before };
    const { memory, durable } = this.#parts;
    const purged = memory?.purge(which) ?? 0;
    this.#purged += purged;
    if (durable === undefined) {
      return purged;
    }
    const lasting = await durable.purge(which);
    this.#look(durable);
    return purged + lasting;
  }

  async stats(): Promise<DeadLetterStats> {
    const { durable } = this.#parts;
    if (durable !== undefined) {
      this.#durable = await durable.stats();
    }
    return this.lastStats;
  }

  /** The counts, those of durable letters as they were when this aether last looked. */
  get lastStats(): DeadLetterStats {
    const { size = 0, evicted = 0 } = this.#parts.memory ?? {};
    const durable = this.#durable;
    return {
      entered: this.#entered + durable.entered,
      kept: size + this.#taken + durable.kept,
      evicted: evicted + durable.evicted,
      reemitted: this.#reemitted + durable.reemitted,
      purged: this.#purged + durable.purged,
    };
  }

  /** Looks at the counts of the durable ones, once at a time. */
  #look(durable: DeadLetterStore): void {
    this.#looksAgain = this.#looking !== undefined;
    this.#looking ??= durable
      .stats()
      .then(
        (stats) => {
          this.#durable = stats;
        },
        () => undefined, // It cannot be reached: the next look may find it.
      )
      .finally(() => {
        this.#looking = undefined;
        if (this.#looksAgain) {
          this.#look(durable);
        }
      });
  }
}

function hasLeft({ outcome, heard }: Receipt): boolean {
  return outcome === "travelled" && heard !== 0;
}

/** Letters of both, each oldest first, by their time. */
async function* merged(
  memory: readonly DeadLetter[],
  durable: AsyncIterable<DeadLetter> | undefined,
  limit: number = Number.POSITIVE_INFINITY,
): AsyncGenerator<DeadLetter> {
  let left = limit;
  let next = 0;
  for await (const letter of durable ?? []) {
    for (let own = memory[next]; own !== undefined && own.at <= letter.at; own = memory[next]) {
      next++;
      yield own;
      if (--left === 0) {
        return;
      }
    }
    yield letter;
    if (--left === 0) {
      return;
    }
  }
  yield* memory.slice(next, next + left);
}

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
