/** Arrivals: when waves arrive, under which seal, and with which way back. */

import type { Exchange, Moment } from "@aether/core";
import type { Subjects } from "../subjects.ts";
import { NumberTable } from "../way-back/number-table.ts";
import type { Post } from "../way-back/post.ts";
import { type Asker, RemoteExchange, type RemoteParts } from "../way-back/remote-exchange.ts";
import { type Request, Seal } from "../wire/envelope.ts";

const MOST_SEALS = 4096;
/** Up to so many emitters are kept that ask nothing at the moment: most will ask again. */
const MOST_IDLE_ASKERS = 64;

/** What arrivals work with. */
export interface ArrivalParts extends Omit<RemoteParts, "done" | "now"> {
  readonly subjects: Subjects;
  readonly post: Post;
  moment(): Moment;
}

/** The waves that come to one link. */
export class Arrivals {
  readonly #parts: ArrivalParts;
  readonly #remote: RemoteParts;
  readonly #seals = new Map<string, Seal>();
  readonly #askers = new Map<string, Asker>();
  /** The one that asked last: most come several at a time. */
  #last: Asker | undefined;

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
    const asker = this.#last?.instance === source ? this.#last : this.#asker(source);
    const exchange = new RemoteExchange(asker, correlation, deadline, this.#remote);
    const other = asker.open.get(correlation);
    if (other !== undefined) {
      other.share();
      exchange.share();
    }
    asker.open.add(exchange);
    return exchange;
  }

  #asker(instance: string): Asker {
    let asker = this.#askers.get(instance);
    if (asker === undefined) {
      const { subjects, post } = this.#parts;
      asker = { instance, address: post.address(subjects.instance(instance, "m")), open: new NumberTable() };
      this.#askers.set(instance, asker);
    }
    this.#last = asker;
    return asker;
  }

  #done(exchange: RemoteExchange): void {
    const { instance, open } = exchange.asker;
    if (open.delete(exchange) && open.size === 0 && this.#askers.size > MOST_IDLE_ASKERS) {
      this.#askers.delete(instance);
      this.#last = undefined;
    }
  }

  /** Instance `source` no longer waits for what it asked under `correlation`. */
  over(source: string, correlation: number, reason: unknown): void {
    const open = this.#askers.get(source)?.open;
    const ending: RemoteExchange[] = [];
    for (let one = open?.get(correlation); one !== undefined; one = open?.after(one)) {
      ending.push(one);
    }
    for (const exchange of ending) {
      exchange.end(reason);
    }
  }
}
