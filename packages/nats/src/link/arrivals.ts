/** Arrivals: when waves arrive, under which seal, and with which way back. */

import type { Exchange, Moment } from "@aether/core";
import type { Subjects } from "../subjects.ts";
import { RemoteExchange, type RemoteParts } from "../way-back/remote-exchange.ts";
import { type Request, Seal } from "../wire/envelope.ts";

const MOST_SEALS = 4096;

/** What arrivals work with. */
export interface ArrivalParts extends Omit<RemoteParts, "done" | "now"> {
  readonly subjects: Subjects;
  moment(): Moment;
}

/** The waves that come to one link. */
export class Arrivals {
  readonly #parts: ArrivalParts;
  readonly #remote: RemoteParts;
  readonly #seals = new Map<string, Seal>();
  /** Stand-ins whose emitters may still stop waiting, by emitter and number. */
  readonly #open = new Map<string, Set<RemoteExchange>>();

  constructor(parts: ArrivalParts) {
    this.#parts = parts;
    this.#remote = { ...parts, now: () => parts.moment().at, done: (exchange) => this.#done(exchange) };
  }

  moment(): Moment {
    return this.#parts.moment();
  }

  sealOf(channel: string): Seal {
    const known = this.#seals.get(channel);
    if (known !== undefined) {
      return known;
    }
    if (this.#seals.size >= MOST_SEALS) {
      this.#seals.clear();
    }
    const seal = new Seal(channel);
    this.#seals.set(channel, seal);
    return seal;
  }

  /** The stand-in for the emitter's end of a command or query that instance `source` asked. */
  exchange(source: string, { correlation, leftMs }: Request): Exchange {
    const deadline = this.moment().at + (leftMs >= 0 ? leftMs : 0);
    const subject = this.#parts.subjects.instance(source, "m");
    const exchange = new RemoteExchange(source, correlation, subject, deadline, this.#remote);
    const key = keyOf(source, correlation);
    const others = this.#open.get(key);
    if (others === undefined) {
      this.#open.set(key, new Set([exchange]));
    } else {
      others.add(exchange);
    }
    return exchange;
  }

  #done(exchange: RemoteExchange): void {
    const key = keyOf(exchange.source, exchange.correlation);
    const others = this.#open.get(key);
    if (others?.delete(exchange) && others.size === 0) {
      this.#open.delete(key);
    }
  }

  /** Instance `source` no longer waits for what it asked under `correlation`. */
  over(source: string, correlation: number, reason: unknown): void {
    for (const exchange of [...(this.#open.get(keyOf(source, correlation)) ?? [])]) {
      exchange.end(reason);
    }
  }
}

function keyOf(source: string, correlation: number): string {
  return `${correlation} ${source}`;
}
