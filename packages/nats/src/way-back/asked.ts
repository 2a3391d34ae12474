/** What this link has asked: the emitter's ends of its commands and queries, by number. */

import { AetherError, type Exchange } from "@aether/core";
import type { Subjects } from "../subjects.ts";
import type { Told } from "../wire/control.ts";
import type { Post } from "./post.ts";

/** How long an exchange is kept of which nobody tells anything any more. */
const KEPT_MS = 10 * 60_000;
const SWEEP_MS = 1000;
const HIGHEST_NUMBER = 2 ** 32;
/** How long a hearer that is known and not heard of by the server is waited for: it may be on its way to another server. */
const MISSED_MS = 1000;
const FIRST_PAUSE_MS = 10;
const LONGEST_PAUSE_MS = 200;

/** What is about to be asked. */
export interface Question {
  readonly exchange: Exchange;
  /** Instance of the emitter. */
  readonly source: string;
  readonly subject: string;
  readonly channel: string;
  readonly band: number;
  /** Sends it once more, to whoever hears it now. */
  again(): void;
}

/** One exchange, from the emitter's side of the network. */
class Open {
  readonly exchange: Exchange;
  readonly source: string;
  readonly subject: string;
  readonly channel: string;
  readonly again: () => void;
  /** Links of those who have it in hand. */
  readonly hearers: string[] = [];
  readonly band: number;
  /** How many groups are known to have it; `undefined`: that is not known. */
  expected: number | undefined;
  admitted = 0;
  refused = 0;
  done = 0;
  /** Whether the emitter has stopped waiting: who takes it in now is told at once. */
  over = false;
  forgetAt: number;
  /** Whether it has left. */
  sent = false;
  /** When nobody heard it for the first time. */
  missedAt: number | undefined;
  pauseMs = FIRST_PAUSE_MS;

  constructor({ exchange, source, subject, channel, band, again }: Question, forgetAt: number) {
    this.exchange = exchange;
    this.again = again;
    this.source = source;
    this.subject = subject;
    this.channel = channel;
    this.band = band;
    this.forgetAt = forgetAt;
  }

  /** Tells the emitter how many groups have it, of `hearing` that are known to hear its channel. */
  reach(hearing: number): void {
    const expected = Math.max(hearing - this.refused, this.admitted);
    if (hearing > 0 && expected !== this.expected) {
      this.expected = expected;
      this.exchange.reached(expected);
    }
  }
}

/** The open exchanges of one link. */
export class Asked {
  readonly #open = new Map<number, Open>();
  readonly #subjects: Subjects;
  readonly #post: Post;
  readonly #hearing: (channel: string, band: number) => number;
  readonly #now: () => number;
  readonly #timer: NodeJS.Timeout;
  #next = 0;

  /** `hearing` tells how many groups are known to hear waves of a band on a channel. */
  constructor(subjects: Subjects, post: Post, hearing: (channel: string, band: number) => number, now: () => number) {
    this.#subjects = subjects;
    this.#post = post;
    this.#hearing = hearing;
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

  /** The emitter stops waiting: those who still work on it are told, and those who take it in later. */
  #over(correlation: number, open: Open): void {
    const now = this.#now();
    if (now >= open.exchange.deadline || open.done > 0) {
      this.#open.delete(correlation);
    } else {
      open.over = true;
      open.forgetAt = now + 2 * SWEEP_MS;
    }
    if (now < open.exchange.deadline) {
      for (const link of open.hearers) {
        this.#tellOver(correlation, open, link);
      }
    }
  }

  #tellOver(correlation: number, { source }: Open, link: string): void {
    this.#post.tell(this.#subjects.instance(link, "m"), { type: "over", correlation, source });
  }

  /** The channel of an exchange that is open. */
  channelOf(correlation: number): string | undefined {
    return this.#open.get(correlation)?.channel;
  }

  /** The wave has left: what is known of its hearers counts from now on. */
  left(correlation: number): void {
    const open = this.#open.get(correlation);
    if (open !== undefined) {
      open.sent = true;
      open.reach(this.#hearing(open.channel, open.band));
    }
  }

  /** Whether somebody waits for an answer to what has left. */
  get isWaiting(): boolean {
    return [...this.#open.values()].some(({ sent, exchange }) => sent && !exchange.over);
  }

  /** Nobody heard it although somebody should: true when it is sent again soon, false when it has been for long enough. */
  missed(correlation: number): boolean {
    const open = this.#open.get(correlation);
    if (open === undefined || open.exchange.over || this.#hearing(open.channel, open.band) === 0) {
      return false;
    }
    const now = this.#now();
    open.missedAt ??= now;
    if (now - open.missedAt > MISSED_MS) {
      return false;
    }
    setTimeout(() => {
      if (this.#open.get(correlation) === open && !open.exchange.over) {
        open.again();
      }
    }, open.pauseMs).unref();
    open.pauseMs = Math.min(LONGEST_PAUSE_MS, open.pauseMs * 2);
    return true;
  }

  /** More is known of who listens. */
  learn(): void {
    for (const open of this.#open.values()) {
      if (open.expected === undefined && !open.over) {
        open.reach(this.#hearing(open.channel, open.band));
      }
    }
  }

  /** Nobody heard the wave: `shedBy` is somebody who would have, were it louder. */
  unheard(correlation: number, shedBy: { readonly by: string; readonly byId: string } | undefined): void {
    const open = this.#open.get(correlation);
    if (open !== undefined) {
      this.#open.delete(correlation);
      // Who hears this band and has not heard this is gone, and nobody has yet noticed.
      if (shedBy !== undefined && this.#hearing(open.channel, open.band) === 0) {
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
    if (open.over) {
      if (told.type === "admitted") {
        this.#tellOver(correlation, open, told.link);
      }
      return;
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
        open.refused++;
        exchange.refused(told.why);
        open.reach(this.#hearing(open.channel, open.band));
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
