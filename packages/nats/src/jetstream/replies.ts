/** Replies: what a server answers to what this link has told it, by number. */

import type { Msg } from "@nats-io/transport-node";
import type { Connection } from "../connection.ts";
import { NumberMap } from "../way-back/number-map.ts";

const RADIX = 36;
const HIGHEST_NUMBER = 2 ** 40;

/** Takes one answer. */
export type Answered = (message: Msg) => void;

/** The open questions of one link to the stream. */
export class Replies {
  readonly #prefix: string;
  readonly #open = new NumberMap<Answered>();
  #next = 0;

  /** `inbox` is a subject of this link's own, without the last token. */
  constructor(connection: Connection, inbox: string) {
    this.#prefix = `${inbox}.`;
    connection.listen(`${inbox}.*`, undefined, (message) => this.#answered(message));
  }

  /** Gives a question its number; `answered` is called for each answer until it is closed. */
  open(answered: Answered): number {
    this.#next = (this.#next + 1) % HIGHEST_NUMBER;
    this.#open.set(this.#next, answered);
    return this.#next;
  }

  /** Where answers to question `number` go. */
  subject(number: number): string {
    return this.#prefix + number.toString(RADIX);
  }

  close(number: number): void {
    this.#open.delete(number);
  }

  #answered(message: Msg): void {
    const number = Number.parseInt(message.subject.slice(this.#prefix.length), RADIX);
    this.#open.get(number)?.(message);
  }
}
