/** The post: what is told to one address in one tick goes there in one message. */

import type { Connection } from "../connection.ts";
import { type Entry, encodeControl, MOST_ENTRIES } from "../wire/control.ts";
import type { Slab } from "../wire/slab.ts";

/** What is kept for a server to be there again, at the most. */
const MOST_KEPT = 4096;
const MOST_KEPT_BYTES = 8 * 1024 * 1024;

/** Entries on their way, by subject. */
export class Post {
  readonly #connection: Connection;
  readonly #slab: Slab;
  readonly #waiting = new Map<string, Entry[]>();
  /** What was told while no server was there, oldest first. */
  #kept: { readonly subject: string; readonly message: Uint8Array }[] = [];
  #keptBytes = 0;
  #scheduled = false;
  readonly #flush = (): void => this.flush();

  constructor(connection: Connection, slab: Slab) {
    this.#connection = connection;
    this.#slab = slab;
  }

  /** Tells `entry` to those who listen on `subject`, at the end of the tick. */
  tell(subject: string, entry: Entry): void {
    const entries = this.#waiting.get(subject);
    if (entries === undefined) {
      this.#waiting.set(subject, [entry]);
      if (!this.#scheduled) {
        this.#scheduled = true;
        process.nextTick(this.#flush);
      }
      return;
    }
    entries.push(entry);
    if (entries.length === MOST_ENTRIES) {
      this.#waiting.delete(subject);
      this.#send(subject, entries);
    }
  }

  /** Sends everything now. */
  flush(): void {
    this.#scheduled = false;
    for (const [subject, entries] of this.#waiting) {
      this.#send(subject, entries);
    }
    this.#waiting.clear();
  }

  #send(subject: string, entries: readonly Entry[]): void {
    const message = encodeControl(this.#slab, entries);
    const limit = this.#connection.maxPayload;
    if (message.length > limit) {
      this.#sendLess(subject, entries, message.length, limit);
      return;
    }
    if (this.#connection.connected) {
      this.#connection.publish(subject, message);
    } else {
      this.#keep(subject, message);
    }
  }

  /** No message holds `entries`: they go in several, and an answer that none holds is told as a failure. */
  #sendLess(subject: string, entries: readonly Entry[], bytes: number, limit: number): void {
    const [first] = entries;
    if (entries.length > 1) {
      const half = Math.ceil(entries.length / 2);
      this.#send(subject, entries.slice(0, half));
      this.#send(subject, entries.slice(half));
    } else if (first?.type === "answered") {
      const message = `Expected an answer that fits into a message of ${limit} bytes on this server, got one of ${bytes}: send a reference to it, or raise max_payload`;
      const cause = { code: "rejected", error: "AETHER_TOO_LARGE", message, retryable: false, ...first.by } as const;
      this.#send(subject, [{ type: "reflected", correlation: first.correlation, cause }]);
    }
  }

  /** Whoever waits for an answer may still do so when a server is there again. What is too much is dropped, oldest first. */
  #keep(subject: string, message: Uint8Array): void {
    this.#kept.push({ subject, message: Uint8Array.from(message) });
    this.#keptBytes += message.length;
    while (this.#kept.length > MOST_KEPT || this.#keptBytes > MOST_KEPT_BYTES) {
      this.#keptBytes -= this.#kept.shift()?.message.length ?? 0;
    }
  }

  /** The connection is back: sends what was kept. */
  again(): void {
    const kept = this.#kept;
    this.#kept = [];
    this.#keptBytes = 0;
    for (const { subject, message } of kept) {
      this.#connection.publish(subject, message);
    }
  }
}
