/** The stream of a namespace: what it records, under which settings, and since when. All links follow it. */

import { contains, coverOf } from "@aether/core";
import { DiscardPolicy, RetentionPolicy, StorageType, type StreamConfig, type StreamInfo } from "@nats-io/jetstream";
import type { Connection } from "../connection.ts";
import type { Subjects } from "../subjects.ts";
import {
  isDenied,
  isMissing,
  isNotEnabled,
  isTaken,
  type Managed,
  managed,
  paused,
  unsupported,
} from "./management.ts";
import { streamOf } from "./names.ts";
import type { CheckedStream } from "./stream-options.ts";

const NANOS_PER_MS = 1e6;
const OLDEST: readonly [number, number] = [2, 9];
/** How often it is tried to get past others who change the stream at the same time. */
const MOST_ROUNDS = 50;
const ROUND_PAUSE_MS = 50;
/**
 * How long a deletion is given to end. Servers of 2.9 tell that places are gone while they still delete the stream, and
 * then places of one that is made anew hand over nothing until they are asked again.
 */
const DELETING_MS = 300;

/** What is known of the stream. */
interface Known {
  readonly epoch: number;
  readonly info: StreamInfo;
}

/** What the stream works with. */
export interface StreamParts extends Managed {
  readonly connection: Connection;
  readonly subjects: Subjects;
  readonly options: CheckedStream;
  /** Told when more is recorded than before. Resolves when this link hears accordingly. */
  changed(): Promise<void>;
  /** Told when it is another stream than before. */
  renewed(): void;
  /** Tells other links that the stream has changed. Resolves when those that are known have followed. */
  tell(): Promise<void>;
}

/** The stream, as one link knows it. */
export class RecordStream {
  readonly name: string;
  readonly #parts: StreamParts;
  #known: Known | undefined;
  /** The last epoch that was known. */
  #lastEpoch = 0;
  /** What was ever read or declared. It only grows, so that an emit is never lost between two who change the stream. */
  #patterns: readonly string[] = [];
  #isRestoring = false;
  readonly #declared = new Set<string>();
  /** Answers to {@link records}; emptied at every change. */
  readonly #answers = new Map<string, boolean>();
  #reading: Promise<StreamInfo | undefined> | undefined;
  #nextReading: Promise<StreamInfo | undefined> | undefined;
  #declaring: Promise<void> = Promise.resolve();

  constructor(parts: StreamParts) {
    this.#parts = parts;
    this.name = streamOf(parts.subjects.namespace);
  }

  /** Patterns of what is recorded; no two overlap. */
  get patterns(): readonly string[] {
    return this.#patterns;
  }

  /** When the stream began, in wall-clock milliseconds; `undefined` while that is not known. */
  get epoch(): number | undefined {
    return this.#known?.epoch;
  }

  /** Milliseconds in which a wave that comes again is known. */
  get duplicateWindowMs(): number {
    const window = this.#known?.info.config.duplicate_window;
    return window === undefined ? this.#parts.options.duplicateWindowMs : window / NANOS_PER_MS;
  }

  records(pattern: string): boolean {
    const known = this.#answers.get(pattern);
    if (known !== undefined) {
      return known;
    }
    const answer = this.#patterns.some((recorded) => contains(recorded, pattern));
    if (this.#answers.size >= 4096) {
      this.#answers.clear();
    }
    this.#answers.set(pattern, answer);
    return answer;
  }

  /** Learns what is recorded. A server that keeps no streams is no error until something is declared. */
  async open(): Promise<void> {
    const { manager } = this.#parts;
    try {
      this.#learn(await manager.streams.info(this.name));
    } catch (first) {
      if (isNotEnabled(first) && this.#parts.offered()) {
        // It may be on its way. Nobody is kept waiting for that who may want nothing recorded: who declares is.
        this.read().catch(() => {});
      } else if (!isNotEnabled(first) && !isMissing(first) && !isDenied(first)) {
        await this.read();
      }
    }
  }

  /** The stream as it is now; `undefined`: it is not there. Those who ask during a reading share the next one. */
  read(): Promise<StreamInfo | undefined> {
    if (this.#reading === undefined) {
      this.#reading = this.#read().finally(() => {
        this.#reading = undefined;
      });
      return this.#reading;
    }
    this.#nextReading ??= this.#reading
      .catch(() => {})
      .then(() => {
        this.#nextReading = undefined;
        return this.read();
      });
    return this.#nextReading;
  }

  async #read(): Promise<StreamInfo | undefined> {
    try {
      const info = await managed(this.#parts, (manager) => manager.streams.info(this.name));
      if (this.#learn(info)) {
        await this.#parts.changed();
      }
      return info;
    } catch (error) {
      if (!isMissing(error)) {
        throw error;
      }
      this.#known = undefined;
      return undefined;
    }
  }

  /** Takes note of the stream; true when more is recorded than was known. */
  #learn(info: StreamInfo): boolean {
    const epoch = Date.parse(info.created);
    const isOther = this.#lastEpoch > 0 && epoch !== this.#lastEpoch;
    this.#known = { epoch, info };
    this.#lastEpoch = epoch;
    if (isOther) {
      this.#parts.renewed();
    }
    return this.#grow(this.#patternsOf(info.config));
  }

  #grow(patterns: readonly string[]): boolean {
    const cover = coverOf([...this.#patterns, ...patterns]);
    if (cover.join(" ") === this.#patterns.join(" ")) {
      return false;
    }
    this.#patterns = cover;
    this.#answers.clear();
    return true;
  }

  #patternsOf({ subjects }: StreamConfig): readonly string[] {
    const prefix = this.#parts.subjects.all("r", "");
    return subjects.filter((subject) => subject.startsWith(prefix)).map((subject) => subject.slice(prefix.length));
  }

  /** Others have changed the stream, or the connection is back: follows, and adds again what somebody has left out. */
  async follow(): Promise<void> {
    const info = await this.read();
    if (!this.#holds(info)) {
      // Not waited for: whoever has changed the stream may be waiting for this link, and this link for him.
      this.declare([]).catch(() => {});
    }
  }

  /** The stream takes nothing: it is looked for, and made again when this link has declared something. */
  missed(): void {
    if (!this.#isRestoring && this.#declared.size > 0) {
      this.#isRestoring = true;
      this.restore()
        .catch(() => {}) // Whoever misses it misses it again.
        .finally(() => {
          this.#isRestoring = false;
        });
    }
  }

  /** Makes it again when somebody has deleted it. Rejects with `AETHER_UNSUPPORTED` when this link has declared nothing. */
  async restore(): Promise<void> {
    await paused(DELETING_MS);
    if (!this.#holds(await this.read())) {
      await this.declare([]);
    }
    if (this.#known === undefined) {
      throw unsupported(`there is no stream "${this.name}": declare what is recorded`);
    }
  }

  /** Adds `patterns`, and resolves when the links that are known follow. */
  declare(patterns: readonly string[]): Promise<void> {
    for (const pattern of patterns) {
      this.#declared.add(pattern);
    }
    const declared = this.#declaring.then(() => this.#declare());
    this.#declaring = declared.catch(() => {});
    return declared;
  }

  async #declare(): Promise<void> {
    this.#assertVersion();
    for (let round = 0; round < MOST_ROUNDS; round++) {
      const info = await this.read();
      if (info !== undefined) {
        this.#assertAgrees(info.config);
      }
      if (this.#holds(info)) {
        return;
      }
      if (!(await this.#write(info))) {
        continue;
      }
      await this.#parts.changed();
      await this.#parts.tell();
      if (round > 0) {
        await paused(Math.random() * ROUND_PAUSE_MS);
      }
    }
    throw unsupported(`others change the stream "${this.name}" all the time`);
  }

  /** Whether the stream has everything that was declared here. */
  #holds(info: StreamInfo | undefined): boolean {
    if (info === undefined) {
      return this.#declared.size === 0;
    }
    const patterns = this.#patternsOf(info.config);
    return [...this.#declared].every((pattern) => patterns.some((recorded) => contains(recorded, pattern)));
  }

  /** False when somebody else has made the stream meanwhile. */
  async #write(info: StreamInfo | undefined): Promise<boolean> {
    try {
      const written = await managed(this.#parts, ({ streams }) =>
        info === undefined
          ? streams.add(this.#config())
          : streams.update(this.name, { subjects: this.#united(info.config) }),
      );
      this.#learn(written);
      return true;
    } catch (error) {
      if (isTaken(error) || isMissing(error)) {
        return false;
      }
      throw error;
    }
  }

  #united(config: StreamConfig): string[] {
    const prefix = this.#parts.subjects.all("r", "");
    const others = config.subjects.filter((subject) => !subject.startsWith(prefix));
    const cover = coverOf([...this.#patternsOf(config), ...this.#patterns, ...this.#declared]);
    return [...others, ...cover.map((pattern) => prefix + pattern)];
  }

  #config(): Partial<StreamConfig> & { readonly name: string } {
    const { replicas, storage, duplicateWindowMs, maxAgeMs, maxBytes, bands } = this.#parts.options;
    const cover = coverOf([...this.#patterns, ...this.#declared]);
    return {
      name: this.name,
      subjects: cover.map((pattern) => this.#parts.subjects.all("r", pattern)),
      description: describe(bands),
      retention: RetentionPolicy.Limits,
      discard: DiscardPolicy.Old,
      storage: storage === "file" ? StorageType.File : StorageType.Memory,
      num_replicas: replicas,
      duplicate_window: duplicateWindowMs * NANOS_PER_MS,
      max_age: maxAgeMs * NANOS_PER_MS,
      max_bytes: maxBytes,
      allow_direct: true,
    };
  }

  #assertVersion(): void {
    const version = this.#parts.connection.serverVersion;
    const [major = 0, minor = 0] = version.split(".").map(Number);
    if (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1])) {
      throw unsupported(`the server is of version ${version}: take ${OLDEST.join(".")} or later`);
    }
  }

  /** What was given must be what the stream has: two services that want different things would take turns. */
  #assertAgrees(config: StreamConfig): void {
    const { given, deadLetters: _, ...wanted } = this.#parts.options;
    const has: Readonly<Record<string, unknown>> = {
      bands: bandsOf(config.description),
      replicas: config.num_replicas,
      storage: config.storage,
      duplicateWindowMs: config.duplicate_window / NANOS_PER_MS,
      maxAgeMs: config.max_age / NANOS_PER_MS,
      maxBytes: config.max_bytes,
    };
    for (const [name, value] of Object.entries(wanted)) {
      if (given.has(name) && has[name] !== undefined && has[name] !== value) {
        throw unsupported(
          `\`stream.${name}\` is ${value} here and ${String(has[name])} in the stream "${this.name}": give the same everywhere, leave it out to follow the stream, or change the stream`,
        );
      }
    }
  }

  /** How many places a group has in the stream. */
  get bands(): 1 | 4 {
    return bandsOf(this.#known?.info.config.description) ?? this.#parts.options.bands;
  }
}

const DESCRIPTION = "Recorded waves of Aether, bands: ";

function describe(bands: number): string {
  return DESCRIPTION + bands;
}

function bandsOf(description: string | undefined): 1 | 4 | undefined {
  return description === describe(1) ? 1 : description === describe(4) ? 4 : undefined;
}
