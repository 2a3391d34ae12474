/** Arrivals: when waves arrive, under which seal, and with which way back. */

import type { Exchange, Moment } from "@aether/core";
import type { Subjects } from "../subjects.ts";
import { RemoteExchange, type RemoteParts } from "../way-back/remote-exchange.ts";
import { type Request, Seal } from "../wire/envelope.ts";

const MOST_SEALS = 4096;
/** Up to so many emitters are kept that ask nothing at the moment: most will ask again. */
const MOST_IDLE_SOURCES = 64;

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
  /** Stand-ins whose emitters may still stop waiting, by emitter and number; several of one are a chain. */
  readonly #open = new Map<string, Map<number, RemoteExchange>>();

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
    let open = this.#open.get(source);
    if (open === undefined) {
      open = new Map();
      this.#open.set(source, open);
    }
    exchange.next = open.get(correlation);
    open.set(correlation, exchange);
    return exchange;
  }

  #done(exchange: RemoteExchange): void {
    const { source, correlation, next } = exchange;
    const open = this.#open.get(source);
    let other = open?.get(correlation);
    if (open === undefined || other === undefined) {
      return;
    }
    if (other !== exchange) {
      while (other !== undefined && other.next !== exchange) {
        other = other.next;
      }
      if (other !== undefined) {
        other.next = next;
      }
    } else if (next !== undefined) {
      open.set(correlation, next);
    } else {
      open.delete(correlation);
    }
    exchange.next = undefined;
    if (open.size === 0 && this.#open.size > MOST_IDLE_SOURCES) {
      this.#open.delete(source);
    }
  }

  /** Instance `source` no longer waits for what it asked under `correlation`. */
  over(source: string, correlation: number, reason: unknown): void {
    const ending: RemoteExchange[] = [];
    for (let one = this.#open.get(source)?.get(correlation); one !== undefined; one = one.next) {
      ending.push(one);
    }
    for (const exchange of ending) {
      exchange.end(reason);
    }
  }
}
