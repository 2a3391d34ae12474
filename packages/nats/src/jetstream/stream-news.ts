/** News of the stream: a link that has changed it tells the others, and waits until those that are known have followed. */

import type { Connection } from "../connection.ts";
import { deferred } from "../link/deferred.ts";
import type { Subjects } from "../subjects.ts";
import type { Replies } from "./replies.ts";

/** How long a link is waited for that is known and does not answer. */
const PATIENCE_MS = 1000;

/** What news work with. */
export interface NewsParts {
  readonly connection: Connection;
  readonly subjects: Subjects;
  readonly replies: Replies;
  readonly link: string;
  /** Ids of the other links that are known. */
  others(): Iterable<string>;
  /** Somebody has changed the stream. Resolves when this link hears accordingly. */
  changed(): Promise<void>;
}

/** The news of one link. */
export class StreamNews {
  readonly #parts: NewsParts;

  constructor(parts: NewsParts) {
    this.#parts = parts;
  }

  /** Begins to hear. */
  open(): void {
    const { connection, subjects } = this.#parts;
    connection.listen(subjects.news, undefined, ({ data, reply }) => {
      void this.#heard(Buffer.from(data).toString("utf8"), reply);
    });
  }

  async #heard(from: string, reply: string | undefined): Promise<void> {
    const { connection, link } = this.#parts;
    if (from === link) {
      return;
    }
    try {
      await this.#parts.changed();
      if (reply !== undefined && connection.connected) {
        connection.publish(reply, Buffer.from(link));
      }
    } catch {
      // The server does not answer, or the link is closed: whoever asked waits no longer than his patience.
    }
  }

  /** Tells that the stream has changed. Resolves when every known link has followed, or after a second. */
  async tell(): Promise<void> {
    const { connection, subjects, replies, link } = this.#parts;
    const missing = new Set(this.#parts.others());
    const { promise, resolve } = deferred<void>();
    const number = replies.open(({ data }) => {
      if (missing.delete(Buffer.from(data).toString("utf8")) && missing.size === 0) {
        resolve();
      }
    });
    const timer = setTimeout(resolve, PATIENCE_MS);
    connection.publish(subjects.news, Buffer.from(link), replies.subject(number));
    if (missing.size > 0) {
      await promise;
    }
    clearTimeout(timer);
    replies.close(number);
  }
}
