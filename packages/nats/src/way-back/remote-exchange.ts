/** The way back of a command or query that came from another process: a stand-in for the emitter's end. */

import { AetherError, type Answer, type Exchange, type ReflectCause, type Refusal, type Teller } from "@aether/core";
import { CODEC, type PayloadWriter } from "../wire/payloads.ts";
import type { Address, Admission } from "./address.ts";
import type { NumberTable } from "./number-table.ts";
import type { Sweep, Swept } from "./sweep.ts";

/** What the stand-ins of one link work with. */
export interface RemoteParts {
  readonly sweep: Sweep;
  readonly writer: PayloadWriter;
  /** Id of this link, where emitters tell that they no longer wait. */
  readonly link: string;
  /** Monotonic milliseconds. */
  now(): number;
  /** Forgets a stand-in that was told everything. */
  done(exchange: RemoteExchange): void;
}

/** An emitter that asks: one instance, anywhere. */
export interface Asker {
  readonly instance: string;
  readonly address: Address;
  /** Stand-ins of what it may still stop to wait for, by its number: several, where several hear it in this process. */
  readonly open: NumberTable<RemoteExchange>;
}

type OnOver = (reason: unknown) => void;

/** One command or query at its hearers in this process. */
export class RemoteExchange implements Exchange, Admission, Swept {
  readonly deadline: number;
  readonly asker: Asker;
  readonly correlation: number;
  next: RemoteExchange | undefined;
  untold: Teller | undefined;
  /** Whether others in this process have the same wave. */
  #isShared = false;
  // Its place in the sweep, while somebody wants to know when it is over.
  bucket: number | undefined;
  before: Swept | undefined;
  after: Swept | undefined;
  readonly #parts: RemoteParts;
  #over: { readonly reason: unknown } | undefined;
  /** Nearly always one listens: a set is made for more. */
  #onOver: OnOver | Set<OnOver> | undefined;

  constructor(asker: Asker, correlation: number, deadline: number, parts: RemoteParts) {
    this.asker = asker;
    this.correlation = correlation;
    this.deadline = deadline;
    this.#parts = parts;
  }

  get link(): string {
    return this.#parts.link;
  }

  get over(): boolean {
    return this.#over !== undefined || this.#parts.now() >= this.deadline;
  }

  /** A medium's word to an emitter; hearers do not say it. */
  reached(): void {}

  refused(why: Refusal): void {
    this.asker.address.refused(this.correlation, why);
    this.#end();
  }

  admitted(by: Teller): void {
    this.untold = by;
    this.asker.address.admitted(this);
    if (this.#isShared) {
      this.asker.address.tell(this);
    }
  }

  /**
   * Others in this process have the same wave: that they have it is told before what becomes of it at any of them, or
   * the emitter would take the first who keeps silent for the last.
   */
  share(): void {
    this.#isShared = true;
    this.asker.address.tell(this);
  }

  answered({ payload, by, byId }: Answer): void {
    const { writer } = this.#parts;
    try {
      const prepared = writer.prepare(payload);
      const codec = prepared === undefined ? CODEC.nothing : writer.codecOf(payload, prepared);
      this.asker.address.answered(this, this.untold ?? { by, byId }, prepared, codec);
      this.#end();
    } catch (error) {
      const message = error instanceof Error ? error.message : "the answer cannot travel";
      this.reflected({ code: "rejected", error: "AETHER_BAD_PAYLOAD", message, retryable: false, by, byId });
    }
  }

  silent(by: Teller): void {
    this.asker.address.silent(this, by);
    this.#end();
  }

  returned(why: Refusal): void {
    this.asker.address.returned(this, why);
    this.#end();
  }

  reflected(cause: ReflectCause): void {
    this.asker.address.reflected(this, cause);
    this.#end();
  }

  onOver(listener: OnOver): () => void {
    if (this.over) {
      listener(this.#over?.reason ?? late());
      return () => {};
    }
    if (this.#onOver === undefined) {
      this.#onOver = listener;
    } else if (typeof this.#onOver === "function") {
      this.#onOver = new Set([this.#onOver, listener]);
    } else {
      this.#onOver.add(listener);
    }
    this.#parts.sweep.add(this, this.deadline);
    return () => {
      if (this.#onOver === listener) {
        this.#onOver = undefined;
      } else if (typeof this.#onOver === "object") {
        this.#onOver.delete(listener);
      }
    };
  }

  /** Its deadline has passed. */
  expire(): void {
    this.end(late());
  }

  /** The emitter has stopped waiting, for `reason`. */
  end(reason: unknown): void {
    if (this.#over === undefined) {
      this.#over = { reason };
      const listening = this.#onOver;
      this.#onOver = undefined;
      if (typeof listening === "function") {
        listening(reason);
      } else {
        for (const listener of listening ?? []) {
          listener(reason);
        }
      }
      this.#end();
    }
  }

  #end(): void {
    if (this.bucket !== undefined) {
      this.#parts.sweep.remove(this);
    }
    this.#parts.done(this);
  }
}

function late(): AetherError {
  return new AetherError("AETHER_TIMEOUT", "The emitter of the command or query has stopped waiting");
}
