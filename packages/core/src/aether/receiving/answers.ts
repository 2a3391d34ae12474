/** Answers: what goes back to the emitter of a command or query once its handler has ended. */

import { AetherError, messageOf, UnrecoverableError } from "../../errors.ts";
import type { Channel } from "../../wave/channel.ts";
import type { Exchange, ReflectCause, Teller } from "../../wave/exchange.ts";
import type { Wave } from "../../wave/wave.ts";
import type { Delivery } from "./delivery.ts";
import type { Handling } from "./handling.ts";

/** What goes back to emitters. */
export interface Replies {
  /** What a handler returned to a query, as it goes back, at once or later. Throws or rejects when it does not fit. */
  answer(contract: Channel | undefined, value: unknown): unknown;
  /** Sends a wave back whose payload breaks the schema. */
  reject(wave: Wave, error: unknown): void;
}

/** Why a wave comes back whose handler has failed for good with `error`, whatever that is. */
export function failureOf(error: unknown, teller: Teller): ReflectCause {
  const message = messageOf(error);
  try {
    if (error instanceof AetherError) {
      const { retryAfterMs } = error.details;
      const later = typeof retryAfterMs === "number" && retryAfterMs >= 0 ? { retryAfterMs } : undefined;
      return { code: "error", error: error.code, message, retryable: error.retryable, ...later, ...teller };
    }
    if (error instanceof UnrecoverableError) {
      return { code: "rejected", error: "AETHER_HANDLER_FAILED", message, retryable: false, ...teller };
    }
  } catch {
    // It throws when it is looked at: all that can be said is that it failed.
  }
  return { code: "error", error: "AETHER_HANDLER_FAILED", message, retryable: true, ...teller };
}

/** The answers of one resonance. */
export class Answers {
  readonly #delivery: Delivery;
  readonly #replies: Replies;
  readonly #contract: Channel | undefined;

  constructor(delivery: Delivery, replies: Replies, contract: Channel | undefined) {
    this.#delivery = delivery;
    this.#replies = replies;
    this.#contract = contract;
  }

  /** Sends back what the handler returned; nothing, unless it was asked. */
  give(handling: Handling, exchange: Exchange, value: unknown): void {
    if (value === undefined || handling.wave.kind !== "query") {
      exchange.silent(this.#delivery.teller);
      return;
    }
    try {
      const payload = this.#replies.answer(this.#contract, value);
      if (payload instanceof Promise) {
        payload.then(
          (late) => this.#send(exchange, late),
          (error: unknown) => this.#keep(handling, exchange, error),
        );
      } else {
        this.#send(exchange, payload);
      }
    } catch (error) {
      this.#keep(handling, exchange, error);
    }
  }

  #send(exchange: Exchange, payload: unknown): void {
    const { by, byId } = this.#delivery.teller;
    exchange.answered({ payload, by, byId });
  }

  /** An answer that does not fit its contract is not given: the query fails. */
  #keep({ wave, attempt }: Handling, exchange: Exchange, error: unknown): void {
    this.#delivery.failed(wave, error, attempt, true);
    const message = messageOf(error);
    const { teller } = this.#delivery;
    exchange.reflected({ code: "rejected", error: "AETHER_BAD_PAYLOAD", message, retryable: false, ...teller });
  }
}
