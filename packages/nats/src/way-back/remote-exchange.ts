/** The way back of a command or query that came from another process: a stand-in for the emitter's end. */

import { AetherError, type Answer, type Exchange, type ReflectCause, type Refusal, type Teller } from "@aether/core";
import { CODEC, type PayloadWriter } from "../wire/payloads.ts";
import type { Post } from "./post.ts";
import type { Sweep } from "./sweep.ts";

/** What the stand-ins of one link work with. */
export interface RemoteParts {
  readonly post: Post;
  readonly sweep: Sweep;
  readonly writer: PayloadWriter;
  /** Id of this link, where emitters tell that they no longer wait. */
  readonly link: string;
  /** Monotonic milliseconds. */
  now(): number;
  /** Forgets a stand-in that was told everything. */
  done(exchange: RemoteExchange): void;
}

/** One command or query at its hearers in this process. */
export class RemoteExchange implements Exchange {
  readonly deadline: number;
  /** Instance of the emitter, and its number of the exchange. */
  readonly source: string;
  readonly correlation: number;
  /** Another one of the same emitter and number: another hearer in this process. */
  next: RemoteExchange | undefined;
  readonly #subject: string;
  readonly #parts: RemoteParts;
  #over: { readonly reason: unknown } | undefined;
  #onOver: Set<(reason: unknown) => void> | undefined;
  #offSweep: (() => void) | undefined;

  constructor(source: string, correlation: number, subject: string, deadline: number, parts: RemoteParts) {
    this.source = source;
    this.correlation = correlation;
    this.deadline = deadline;
    this.#subject = subject;
    this.#parts = parts;
  }

  get over(): boolean {
    return this.#over !== undefined || this.#parts.now() >= this.deadline;
  }

  /** A medium's word to an emitter; hearers do not say it. */
  reached(): void {}

  refused(why: Refusal): void {
    this.#parts.post.tell(this.#subject, { type: "refused", correlation: this.correlation, why });
    this.#end();
  }

  admitted(by: Teller): void {
    const { post, link } = this.#parts;
    post.tell(this.#subject, { type: "admitted", correlation: this.correlation, by, link });
  }

  answered({ payload, by, byId }: Answer): void {
    const { post, writer } = this.#parts;
    try {
      const prepared = writer.prepare(payload);
      const written = { prepared, codec: prepared === undefined ? CODEC.nothing : writer.codecOf(payload, prepared) };
      post.tell(this.#subject, { type: "answered", correlation: this.correlation, by: { by, byId }, payload: written });
      this.#end();
    } catch (error) {
      const message = error instanceof Error ? error.message : "the answer cannot travel";
      this.reflected({ code: "rejected", error: "AETHER_BAD_PAYLOAD", message, retryable: false, by, byId });
    }
  }

  silent(by: Teller): void {
    this.#parts.post.tell(this.#subject, { type: "silent", correlation: this.correlation, by });
    this.#end();
  }

  returned(why: Refusal): void {
    this.#parts.post.tell(this.#subject, { type: "returned", correlation: this.correlation, why });
    this.#end();
  }

  reflected(cause: ReflectCause): void {
    this.#parts.post.tell(this.#subject, { type: "reflected", correlation: this.correlation, cause });
    this.#end();
  }

  onOver(listener: (reason: unknown) => void): () => void {
    if (this.over) {
      listener(this.#over?.reason ?? late());
      return () => {};
    }
    this.#onOver ??= new Set();
    this.#onOver.add(listener);
    this.#offSweep ??= this.#parts.sweep.at(this.deadline, () => this.end(late()));
    return () => this.#onOver?.delete(listener);
  }

  /** The emitter has stopped waiting, for `reason`. */
  end(reason: unknown): void {
    if (this.#over === undefined) {
      this.#over = { reason };
      const listeners = this.#onOver;
      this.#onOver = undefined;
      for (const listener of listeners ?? []) {
        listener(reason);
      }
      this.#end();
    }
  }

  #end(): void {
    this.#offSweep?.();
    this.#offSweep = undefined;
    this.#parts.done(this);
  }
}

function late(): AetherError {
  return new AetherError("AETHER_TIMEOUT", "The emitter of the command or query has stopped waiting");
}
