/** An address: what is told to those who listen on one subject, gathered until the end of the tick. */

import type { ReflectCause, Refusal, Teller } from "@aether/core";
import { ControlPen, MOST_ENTRIES, mostBytesOfAnswer } from "../wire/control.ts";
import type { Prepared } from "../wire/payloads.ts";
import type { ReflectionFacts } from "../wire/reflection-facts.ts";

/** One who has taken a wave in, and says so at the end of the tick unless it says by then what came of it. */
export interface Admission {
  readonly correlation: number;
  readonly link: string;
  /** Who has taken it; `undefined`: that was told. */
  untold: Teller | undefined;
}

/** What sends messages. */
export interface Mailing {
  /** Calls `address.flush` at the end of the tick. */
  flushSoon(address: Address): void;
  send(subject: string, message: Buffer): void;
  /** Most bytes of a message. */
  readonly maxBytes: number;
}

/** Where hearers tell one emitter, or emitters the link of one hearer. */
export class Address {
  readonly #subject: string;
  readonly #mailing: Mailing;
  readonly #pen = new ControlPen();
  readonly #admissions: Admission[] = [];
  /** How many of them are still to be told. */
  #untold = 0;
  #isWaiting = false;

  constructor(subject: string, mailing: Mailing) {
    this.#subject = subject;
    this.#mailing = mailing;
  }

  /** That it was admitted is told now, and not by what follows. */
  tell(admission: Admission): void {
    this.#tellFirst(admission);
    this.#flushSoon();
  }

  /** `admission.untold` is told at the end of the tick, unless {@link answered} or {@link silent} does so by then. */
  admitted(admission: Admission): void {
    this.#admissions.push(admission);
    this.#untold++;
    this.#flushSoon();
  }

  answered(admission: Admission, by: Teller, prepared: Prepared, codec: number): void {
    const pen = this.#pen;
    if (pen.length + mostBytesOfAnswer(by, prepared) > this.#mailing.maxBytes) {
      this.#answeredAtLength(admission, by, prepared, codec);
      return;
    }
    pen.answered(admission.correlation, by, prepared, codec, this.#told(admission));
    this.#wrote();
  }

  /** An answer that may be too long goes in a message of its own; one that no message holds is told as a failure. */
  #answeredAtLength(admission: Admission, by: Teller, prepared: Prepared, codec: number): void {
    const { maxBytes } = this.#mailing;
    const pen = this.#pen;
    this.#sendNow();
    pen.answered(admission.correlation, by, prepared, codec, admission.untold !== undefined);
    const answer = pen.take();
    if (answer.length <= maxBytes) {
      this.#told(admission);
      this.#mailing.send(this.#subject, answer);
      return;
    }
    const message = `Expected an answer that fits into a message of ${maxBytes} bytes on this server, got one of ${answer.length}: send a reference to it, or raise max_payload`;
    this.reflected(admission, {
      ...{ code: "rejected", error: "AETHER_TOO_LARGE", message, retryable: false, by: by.by, byId: by.byId },
    });
  }

  silent(admission: Admission, by: Teller): void {
    this.#pen.silent(admission.correlation, by, this.#told(admission));
    this.#wrote();
  }

  /** Whether the admission was still to be told: now it is. */
  #told(admission: Admission): boolean {
    if (admission.untold === undefined) {
      return false;
    }
    admission.untold = undefined;
    this.#untold--;
    return true;
  }

  refused(correlation: number, why: Refusal): void {
    this.#pen.json("refused", correlation, why);
    this.#wrote();
  }

  returned(admission: Admission, why: Refusal): void {
    this.#tellFirst(admission);
    this.#pen.json("returned", admission.correlation, why);
    this.#wrote();
  }

  reflected(admission: Admission, cause: ReflectCause): void {
    this.#tellFirst(admission);
    this.#pen.json("reflected", admission.correlation, cause);
    this.#wrote();
  }

  #tellFirst(admission: Admission): void {
    const { untold } = admission;
    if (untold !== undefined && this.#told(admission)) {
      this.#pen.admitted(admission.correlation, untold, admission.link);
      this.#sendIfFull();
    }
  }

  over(correlation: number, source: string): void {
    this.#pen.over(correlation, source);
    this.#wrote();
  }

  reflection(facts: ReflectionFacts): void {
    this.#pen.json("reflection", 0, facts);
    this.#wrote();
  }

  #wrote(): void {
    this.#sendIfFull();
    this.#flushSoon();
  }

  #flushSoon(): void {
    if (!this.#isWaiting) {
      this.#isWaiting = true;
      this.#mailing.flushSoon(this);
    }
  }

  #sendIfFull(): void {
    // Whatever comes next, answers left out, is much shorter than half of a message.
    if (this.#pen.entries === MOST_ENTRIES || 2 * this.#pen.length > this.#mailing.maxBytes) {
      this.#sendNow();
    }
  }

  #sendNow(): void {
    if (this.#pen.entries > 0) {
      this.#mailing.send(this.#subject, this.#pen.take());
    }
  }

  /** Sends everything now. */
  flush(): void {
    this.#isWaiting = false;
    const admissions = this.#admissions;
    for (let at = 0; this.#untold > 0 && at < admissions.length; at++) {
      const admission = admissions[at];
      if (admission !== undefined) {
        this.#tellFirst(admission);
      }
    }
    admissions.length = 0;
    this.#sendNow();
  }
}
