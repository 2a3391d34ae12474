/** Beats: tells others who listens on this link, hears them tell, and keeps the roll. */

import type { Listener } from "@aether/core";
import type { Connection } from "../connection.ts";
import type { Subjects } from "../subjects.ts";
import { BeatParts, inParts } from "./beat-parts.ts";
import { type Beat, beatOf, type Present, Roll } from "./roll.ts";

const MISSED_BEATS = 3;
/** So many calls for presence are answered at once in a while; more are answered together at its end: many links may come back. */
const ANSWERS_AT_ONCE = 8;
const WHILE_MS = 250;
/** Most bytes of one message: more would keep everything else waiting. */
const MOST_BYTES = 256 * 1024;
/** Part of a beat by which beats of many links are spread. */
const JITTER = 0.2;

/** What beats work with. */
export interface BeatsParts {
  readonly connection: Connection;
  readonly subjects: Subjects;
  readonly link: string;
  readonly beatMs: number;
  now(): number;
  /** Somebody began or ended to resonate. */
  interest(): void;
}

/** Presence of one link, its own and that of others. */
export class PresenceBeats {
  readonly roll: Roll;
  readonly #parts: BeatsParts;
  readonly #own = new Map<Listener, Present>();
  readonly #heardParts = new BeatParts();
  #revision = 0;
  #scheduled = false;
  /** When the while began, and how many calls were answered in it. */
  #whileAt = Number.NEGATIVE_INFINITY;
  #answers = 0;
  #answering: NodeJS.Timeout | undefined;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(parts: BeatsParts) {
    this.#parts = parts;
    this.roll = new Roll(MISSED_BEATS * parts.beatMs, parts.now());
  }

  /** Begins to hear others, and asks who is there. Resolves when the server has confirmed it. */
  async open(): Promise<void> {
    const { connection, subjects } = this.#parts;
    connection.listen(subjects.presence, undefined, ({ data }) => this.#heard(data));
    connection.listen(subjects.roll, undefined, () => this.#answer());
    await connection.confirm([subjects.presence, subjects.roll]);
    this.#tell();
    connection.publish(subjects.roll, new Uint8Array(0));
    this.#next();
  }

  add(listener: Listener, band: number): void {
    const { presence, observes } = listener;
    this.#own.set(listener, { ...presence, observes, band });
    this.#changed();
  }

  remove(listener: Listener): void {
    if (this.#own.delete(listener)) {
      this.#changed();
    }
  }

  #changed(): void {
    this.#revision++;
    if (this.roll.note(this.#beat(), this.#parts.now())) {
      this.#parts.interest();
    }
    this.#tellSoon();
  }

  #beat(): Beat {
    return {
      link: this.#parts.link,
      revision: this.#revision,
      here: !this.#closed,
      listeners: [...this.#own.values()],
    };
  }

  /** Answers a call at once, or together with others. */
  #answer(): void {
    const now = performance.now();
    if (now - this.#whileAt >= WHILE_MS) {
      this.#whileAt = now;
      this.#answers = 0;
    }
    if (++this.#answers <= ANSWERS_AT_ONCE) {
      this.#tellSoon();
      return;
    }
    this.#answering ??= setTimeout(
      () => {
        this.#answering = undefined;
        this.#tell();
      },
      this.#whileAt + WHILE_MS - now,
    ).unref();
  }

  #tellSoon(): void {
    if (!this.#scheduled) {
      this.#scheduled = true;
      process.nextTick(() => {
        this.#scheduled = false;
        this.#tell();
      });
    }
  }

  #tell(): void {
    const { connection, subjects } = this.#parts;
    if (connection.connected) {
      for (const text of inParts(this.#beat(), Math.min(connection.maxPayload, MOST_BYTES))) {
        connection.publish(subjects.presence, Buffer.from(text));
      }
    }
  }

  /** The connection is back: others may have forgotten this link, and it does not know them. */
  again(): void {
    this.#tell();
    this.#parts.connection.publish(this.#parts.subjects.roll, new Uint8Array(0));
  }

  #heard(data: Uint8Array): void {
    const part = beatOf(parsed(data));
    const beat = part && this.#heardParts.whole(part);
    if (beat !== undefined && beat.link !== this.#parts.link && this.roll.note(beat, this.#parts.now())) {
      this.#parts.interest();
    }
  }

  #next(): void {
    const { beatMs } = this.#parts;
    const delayMs = beatMs * (1 + JITTER * (2 * Math.random() - 1));
    this.#timer = setTimeout(() => {
      const now = this.#parts.now();
      this.roll.note(this.#beat(), now);
      if (this.roll.expire(now)) {
        this.#parts.interest();
      }
      this.#tell();
      this.#next();
    }, delayMs);
    this.#timer.unref();
  }

  /** Tells that this link has left. */
  close(): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#answering);
    this.#closed = true;
    this.#own.clear();
    this.#revision++;
    this.#tell();
  }
}

function parsed(data: Uint8Array): unknown {
  try {
    const value: unknown = JSON.parse(Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("utf8"));
    return value;
  } catch {
    return undefined;
  }
}
