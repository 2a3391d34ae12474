/** The way back of a request from a plain NATS client: the answer goes to its reply subject, as JSON or bytes. */

import type { Answer, Exchange } from "@aether/core";
import { payloadWriters } from "../wire/payloads.ts";

/** One request of a plain client, which knows nothing of exchanges: it gets the answer, or nothing. */
export class ForeignExchange implements Exchange {
  readonly deadline: number = Number.POSITIVE_INFINITY;
  readonly over = false;
  readonly #reply: (data: Uint8Array) => void;

  constructor(reply: (data: Uint8Array) => void) {
    this.#reply = reply;
  }

  answered({ payload }: Answer): void {
    try {
      const prepared = payloadWriters.json.prepare(payload);
      this.#reply(typeof prepared === "string" ? Buffer.from(prepared) : (prepared ?? new Uint8Array(0)));
    } catch {
      // What no message can hold is no answer: a plain client knows of nothing else.
    }
  }

  reached(): void {}

  refused(): void {}

  admitted(): void {}

  silent(): void {}

  returned(): void {}

  reflected(): void {}

  onOver(): () => void {
    return () => {};
  }
}
