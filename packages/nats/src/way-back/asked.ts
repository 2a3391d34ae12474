/** What this link has asked: the emitter's ends of its commands and queries, by number. */

import { AetherError, type Exchange } from "@aether/core";
import type { Subjects } from "../subjects.ts";
import type { Told } from "../wire/control.ts";
import type { Post } from "./post.ts";

/** How long an exchange is kept of which nobody tells anything any more. */
const KEPT_MS = 10 * 60_000;
const SWEEP_MS = 1000;
const HIGHEST_NUMBER = 2 ** 32;

/** What is about to be asked. */
export interface Question {
  readonly exchange: Exchange;
  /** Instance of the emitter. */
  readonly source: string;
  readonly subject: string;
  readonly channel: string;
  /** How many groups are known to hear it; `undefined`: that is not known. */
  readonly expected: number | undefined;
}

/** One exchange, from the emitter's side of the network. */
class Open {
  readonly exchange: Exchange;
  readonly source: string;
  readonly subject: string;
  readonly channel: string;
  /** Links of those who have it in hand. */
  readonly hearers: string[] = [];
  /** How many groups are known to hear it; `undefined`: that is not known. */
  expected: number | undefined;
  admitted = 0;
  done = 0;
  forgetAt: number;

  constructor({ exchange, source, subject, channel, expected }: Question, forgetAt: number) {
    this.exchange = exchange;
    this.source = source;
    this.subject = subject;
    this.channel = channel;
    this.expected = expected;
    this.forgetAt = forgetAt;
  }

  /** One hearer less will take it. */
  refuse(): void {
    if (this.expected !== undefined) {
      this.expected--;
      this.exchange.reached(this.expected);
    }
  }
}

/** The open exchanges of one link. */
export class Asked {
  readonly #open = new Map<number, Open>();
  readonly #subjects: Subjects;
  readonly #post: Post;
  readonly #now: () => number;
  readonly #timer: NodeJS.Timeout;
  #next = 0;

  constructor(subjects: Subjects, post: Post, now: () => number) {
    this.#subjects = subjects;
    this.#post = post;
    this.#now = now;
    this.#timer = setInterval(() => this.#sweep(), SWEEP_MS);
    this.#timer.unref();
  }

  /** Gives a question its number. */
  add(question: Question): number {
    const { exchange } = question;
    const correlation = this.#next;
    this.#next = (this.#next + 1) % HIGHEST_NUMBER;
    const now = this.#now();
    const until = exchange.deadline < Number.POSITIVE_INFINITY ? exchange.deadline + SWEEP_MS : now + KEPT_MS;
    const open = new Open(question, until);
    this.#open.set(correlation, open);
    exchange.onOver(() => this.#over(correlation, open));
    return correlation;
  }

  /** The emitter stops waiting: those who still work on it are told. */
  #over(correlation: number, open: Open): void {
    this.#open.delete(correlation);
    if (this.#now() < open.exchange.deadline) {
      for (const link of open.hearers) {
        const subject = this.#subjects.instance(link, "m");
        this.#post.tell(subject, { type: "over", correlation, source: open.source });
      }
    }
  }

  /** The channel of an exchange that is open. */
  channelOf(correlation: number): string | undefined {
    return this.#open.get(correlation)?.channel;
  }

  /** The wave has left: what is known of its hearers counts from now on. */
  left(correlation: number): void {
    const open = this.#open.get(correlation);
    if (open?.expected !== undefined) {
      open.exchange.reached(open.expected);
    }
  }

  /** Nobody heard the wave: `shedBy` is somebody who would have, were it louder. */
  unheard(correlation: number, shedBy: { readonly by: string; readonly byId: string } | undefined): void {
    const open = this.#open.get(correlation);
    if (open !== undefined) {
      this.#open.delete(correlation);
      if (shedBy !== undefined) {
        open.exchange.refused({ code: "AETHER_SHED", ...shedBy });
      }
      open.exchange.reached(0);
    }
  }

  /** A hearer told something. */
  told(told: Told): void {
    if (told.type === "over" || told.type === "reflection") {
      return;
    }
    const { correlation } = told;
    const open = this.#open.get(correlation);
    if (open === undefined) {
      return; // Nobody waits for it any more.
    }
    const { exchange } = open;
    switch (told.type) {
      case "admitted":
        open.admitted++;
        if (!open.hearers.includes(told.link)) {
          open.hearers.push(told.link);
        }
        exchange.admitted(told.by);
        return;
      case "refused":
        exchange.refused(told.why);
        open.refuse();
        return;
      default:
        open.done++;
    }
    if (open.done >= open.admitted) {
      open.hearers.length = 0;
      open.forgetAt = Math.min(open.forgetAt, this.#now() + 2 * SWEEP_MS);
    }
    switch (told.type) {
      case "answered":
        exchange.answered(told.answer);
        return;
      case "silent":
        exchange.silent(told.by);
        return;
      case "returned":
        exchange.returned(told.why);
        return;
      case "reflected":
        exchange.reflected(told.cause);
        return;
      default:
    }
  }

  #sweep(): void {
    const now = this.#now();
    for (const [correlation, open] of this.#open) {
      if (open.forgetAt <= now) {
        this.#open.delete(correlation);
      }
    }
  }

  /** The server denies what was asked on `subject`: whoever waits is told. */
  denied(subject: string): void {
    for (const [correlation, open] of this.#open) {
      if (open.subject === subject && open.admitted === 0) {
        this.#open.delete(correlation);
        open.exchange.refused({ code: "AETHER_UNAUTHORISED", by: "the server", byId: subject });
        open.exchange.reached(0);
      }
    }
  }

  close(): void {
    clearInterval(this.#timer);
    this.#open.clear();
  }
}

/** What an emit rejects with whose subject the server denies. */
export function deniedError(subject: string): AetherError {
  return new AetherError("AETHER_UNAUTHORISED", `The server does not allow this client to publish on "${subject}"`, {
    details: { subject },
  });
}
