/** What this link has asked: the emitter's ends of its commands and queries, by number. */

import { AetherError, type Exchange, type Teller, type Wave } from "@aether/core";
import type { Subjects } from "../subjects.ts";
import type { Told } from "../wire/control.ts";
import type { Outbound } from "../wire/envelope.ts";
import { NumberTable } from "./number-table.ts";
import type { Post } from "./post.ts";

/** How long an exchange is kept of which nobody tells anything any more. */
const KEPT_MS = 10 * 60_000;
const SWEEP_MS = 1000;
const HIGHEST_NUMBER = 2 ** 32;
/** How long a hearer that is known and not heard of by the server is waited for: it may be on its way to another server. */
const MISSED_MS = 1000;
const FIRST_PAUSE_MS = 10;
const LONGEST_PAUSE_MS = 200;

/** What sends questions. */
export interface Sender {
  /** Sends `question` once more, to whoever hears it now. What comes of it is told to whoever waits, or it is late. */
  again(question: Question): void;
}

/** A command or query on its way, from the emitter's side of the network. */
export class Question {
  /** By this number those who answer know it. */
  readonly correlation: number;
  readonly exchange: Exchange;
  /** The wave as it is written. */
  readonly item: Outbound;
  readonly subject: string;
  readonly sender: Sender;
  /** When it was asked, in monotonic milliseconds. */
  readonly since: number;
  next: Question | undefined;
  /** Links of those who have it in hand. */
  hearers: string[] | undefined;
  /** How many groups are known to have it; `undefined`: that is not known. */
  expected: number | undefined;
  admitted = 0;
  refused = 0;
  done = 0;
  /** Whether the emitter has stopped waiting: who takes it in now is told at once. */
  over = false;
  /** When it is forgotten, whatever was told. */
  forgetAt = 0;
  /** Whether it has left. */
  sent = false;
  /** When nobody heard it for the first time. */
  missedAt: number | undefined;
  pauseMs: number = FIRST_PAUSE_MS;

  constructor(correlation: number, exchange: Exchange, item: Outbound, subject: string, sender: Sender, since: number) {
    this.correlation = correlation;
    this.exchange = exchange;
    this.item = item;
    this.subject = subject;
    this.sender = sender;
    this.since = since;
  }

  get wave(): Wave {
    return this.item.wave;
  }

  /** Tells the emitter how many groups have it, of `hearing` that are known to hear its channel. */
  reach(hearing: number): void {
    const expected = Math.max(hearing - this.refused, this.admitted);
    if (hearing > 0 && expected !== this.expected) {
      this.expected = expected;
      this.exchange.reached(expected);
    }
  }

  /** Somebody has taken it. */
  takenBy(by: Teller): void {
    this.admitted++;
    this.exchange.admitted(by);
  }
}

/** The open exchanges of one link. */
export class Asked {
  readonly #open = new NumberTable<Question>();
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

  /** A number for the next question. */
  number(): number {
    const number = this.#next;
    this.#next = (number + 1) % HIGHEST_NUMBER;
    return number;
  }

  /** Whoever answers `question` is heard from now on. */
  add(question: Question): void {
    const { deadline } = question.exchange;
    question.forgetAt = deadline < Number.POSITIVE_INFINITY ? deadline + SWEEP_MS : question.since + KEPT_MS;
    this.#open.add(question);
    question.exchange.onOver(() => this.#over(question));
  }

  /** The emitter stops waiting: those who still work on it are told, and those who take it in later. */
  #over(question: Question): void {
    const now = this.#now();
    const isLate = now >= question.exchange.deadline;
    if (isLate || question.done > 0) {
      this.#open.delete(question);
    } else {
      question.over = true;
      question.forgetAt = now + 2 * SWEEP_MS;
    }
    if (!isLate && question.hearers !== undefined) {
      for (const link of question.hearers) {
        this.#tellOver(question, link);
      }
    }
  }

  #tellOver({ correlation, wave }: Question, link: string): void {
    this.#post.address(this.#subjects.instance(link, "m")).over(correlation, wave.sourceId);
  }

  /** The channel of an exchange that is open. */
  channelOf(correlation: number): string | undefined {
    return this.#open.get(correlation)?.wave.channel;
  }

  /** It has left: what is known of its hearers counts from now on. */
  left(question: Question): void {
    question.sent = true;
    question.reach(this.#heardBy(question));
  }

  #heardBy({ wave }: Question): number {
    return this.#hearing(wave.channel, wave.band);
  }

  /** Whether somebody waits for an answer to what has left. */
  get isWaiting(): boolean {
    return [...this.#open].some(({ sent, exchange }) => sent && !exchange.over);
  }

  /** Nobody heard it although somebody should: true when it is sent again soon, false when it has been for long enough. */
  missed(correlation: number): boolean {
    const open = this.#open.get(correlation);
    if (open === undefined || open.exchange.over || this.#heardBy(open) === 0) {
      return false;
    }
    const now = this.#now();
    open.missedAt ??= now;
    if (now - open.missedAt > MISSED_MS) {
      return false;
    }
    setTimeout(() => {
      if (this.#open.get(correlation) === open && !open.exchange.over) {
        open.sender.again(open);
      }
    }, open.pauseMs).unref();
    open.pauseMs = Math.min(LONGEST_PAUSE_MS, open.pauseMs * 2);
    return true;
  }

  /** More is known of who listens. */
  learn(): void {
    for (const open of this.#open) {
      if (open.expected === undefined && !open.over) {
        open.reach(this.#heardBy(open));
      }
    }
  }

  /** Nobody heard the wave: `shedBy` is somebody who would have, were it louder. */
  unheard(correlation: number, shedBy: { readonly by: string; readonly byId: string } | undefined): void {
    const open = this.#open.get(correlation);
    if (open !== undefined) {
      this.#open.delete(open);
      // Who hears this band and has not heard this is gone, and nobody has yet noticed.
      if (shedBy !== undefined && this.#heardBy(open) === 0) {
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
        this.#tellOver(open, told.link);
      }
      return;
    }
    const { exchange } = open;
    switch (told.type) {
      case "admitted":
        open.hearers ??= [];
        if (!open.hearers.includes(told.link)) {
          open.hearers.push(told.link);
        }
        open.takenBy(told.by);
        return;
      case "refused":
        open.refused++;
        exchange.refused(told.why);
        open.reach(this.#heardBy(open));
        return;
      case "answered":
        if (told.admits) {
          const { by, byId } = told.answer;
          open.takenBy({ by, byId });
        }
        this.#done(open);
        exchange.answered(told.answer);
        return;
      case "silent":
        if (told.admits) {
          open.takenBy(told.by);
        }
        this.#done(open);
        exchange.silent(told.by);
        return;
      case "returned":
        this.#done(open);
        exchange.returned(told.why);
        return;
      default:
        this.#done(open);
        exchange.reflected(told.cause);
    }
  }

  /** One of those who had it in hand is done with it. */
  #done(open: Question): void {
    open.done++;
    if (open.done >= open.admitted) {
      open.hearers = undefined;
      open.forgetAt = Math.min(open.forgetAt, this.#now() + 2 * SWEEP_MS);
    }
  }

  #sweep(): void {
    const now = this.#now();
    for (const open of this.#open) {
      if (open.forgetAt <= now) {
        this.#open.delete(open);
      }
    }
  }

  /** The server denies what was asked on `subject`: whoever waits is told. */
  denied(subject: string): void {
    for (const open of this.#open) {
      if (open.subject === subject && open.admitted === 0) {
        this.#open.delete(open);
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
