/** The post: what is told to one address in one tick goes there in one message. */

import type { Connection } from "../connection.ts";
import { type Entry, encodeControl, MOST_ENTRIES } from "../wire/control.ts";
import type { Slab } from "../wire/slab.ts";

/** Entries on their way, by subject. */
export class Post {
  readonly #connection: Connection;
  readonly #slab: Slab;
  readonly #waiting = new Map<string, Entry[]>();
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

  /** While no server is there nothing is sent: whoever waits has a deadline. */
  #send(subject: string, entries: readonly Entry[]): void {
    if (this.#connection.connected) {
      this.#connection.publish(subject, encodeControl(this.#slab, entries));
    }
  }
}
