/** The streams of dead letters: one for letters, which is bounded, and one for marks on them, which forgets nothing. */

import { DiscardPolicy, RetentionPolicy, StorageType, type StreamConfig, type StreamInfo } from "@nats-io/jetstream";
import type { Subjects } from "../subjects.ts";
import { madeStream, type NamedConfig, streamInfo } from "./made-stream.ts";
import { type Managed, unsupported } from "./management.ts";
import { lettersStreamOf, marksStreamOf } from "./names.ts";
import type { CheckedLetters } from "./stream-options.ts";

const NANOS_PER_MS = 1e6;
/** Nothing is stored under an id of its own: the shortest window does. */
const WINDOW_MS = 100;

/** What the streams work with. */
export interface LetterStreamParts extends Managed {
  readonly subjects: Subjects;
  readonly letters: CheckedLetters;
}

/** The two streams, as one link knows them. */
export class LetterStreams {
  readonly letters: string;
  readonly marks: string;
  readonly #parts: LetterStreamParts;
  #ready: Promise<void> | undefined;

  constructor(parts: LetterStreamParts) {
    this.#parts = parts;
    this.letters = lettersStreamOf(parts.subjects.namespace);
    this.marks = marksStreamOf(parts.subjects.namespace);
  }

  /**
   * Makes sure that both are there, `anew` when they were known to be. Rejects with `AETHER_UNSUPPORTED` where their
   * settings are others than those given here, `AETHER_UNAUTHORISED`, `AETHER_TIMEOUT`.
   */
  ready(anew = false): Promise<void> {
    if (this.#ready === undefined || anew) {
      const ready = this.#open();
      this.#ready = ready;
      ready.catch(() => {
        this.#ready = this.#ready === ready ? undefined : this.#ready;
      });
    }
    return this.#ready;
  }

  async #open(): Promise<void> {
    const [letters] = await Promise.all([
      madeStream(this.#lettersConfig(), this.#parts),
      madeStream(this.#marksConfig(), this.#parts),
    ]);
    this.#assertAgrees(letters.config);
  }

  /** What the server says of stream `name`; `undefined`: it is not there. */
  info(name: string): Promise<StreamInfo | undefined> {
    return streamInfo(name, this.#parts);
  }

  #lettersConfig(): NamedConfig {
    const { maxLetters, maxBytes, maxAgeMs } = this.#parts.letters;
    return {
      ...this.#common(),
      name: this.letters,
      subjects: [this.#parts.subjects.letters("*", ">")],
      description: "Dead letters of Aether",
      max_msgs: maxLetters,
      max_bytes: maxBytes,
      max_age: maxAgeMs * NANOS_PER_MS,
    };
  }

  #marksConfig(): NamedConfig {
    return {
      ...this.#common(),
      name: this.marks,
      subjects: [this.#parts.subjects.mark("*")],
      description: "Dead letters of Aether: who emits which again, and counts",
    };
  }

  #common(): Partial<StreamConfig> {
    const { replicas, storage } = this.#parts.letters;
    return {
      retention: RetentionPolicy.Limits,
      discard: DiscardPolicy.Old,
      max_msgs_per_subject: 1,
      storage: storage === "file" ? StorageType.File : StorageType.Memory,
      num_replicas: replicas,
      duplicate_window: WINDOW_MS * NANOS_PER_MS,
    };
  }

  #assertAgrees(config: StreamConfig): void {
    const { given, ...wanted } = this.#parts.letters;
    const has: Readonly<Record<string, unknown>> = {
      maxLetters: config.max_msgs,
      maxBytes: config.max_bytes,
      maxAgeMs: config.max_age / NANOS_PER_MS,
      replicas: config.num_replicas,
      storage: config.storage,
    };
    for (const [name, value] of Object.entries(wanted)) {
      if (given.has(name) && has[name] !== value) {
        throw unsupported(
          `\`stream.deadLetters.${name}\` is ${value} here and ${String(has[name])} in the stream "${this.letters}": give the same everywhere, leave it out to follow the stream, or change the stream`,
        );
      }
    }
  }
}
