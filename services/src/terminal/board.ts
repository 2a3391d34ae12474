/** The board: what the waves that were seen tell of the orders and of the stock. */

import type { Wave } from "@aether/core";
import { InventoryAvailable, OrderCancelled, OrderCompleted, OrderCreated } from "../contracts.ts";
import { type Facts, factsOf } from "./facts.ts";

/** An order that has ended, and the way it went. */
export interface Ended {
  readonly orderId: string;
  readonly outcome: "completed" | "cancelled";
  readonly facts: Facts;
  /** Waves of its trace that were seen, the last one included. */
  readonly waves: number;
  readonly hops: number;
  /** From the first wave to the last. */
  readonly durationMs: number;
}

/** An order on its way. */
interface Going {
  readonly orderId: string;
  stage: "checking" | "paying";
}

/** The waves of one trace. */
interface Trail {
  waves: number;
  readonly since: number;
}

/** Traces that are remembered: one that never becomes an order is forgotten some day. */
const MOST_TRAILS = 1000;

/** Counts orders by what became of them. */
export class Board {
  readonly #going = new Map<string, Going>();
  readonly #trails = new Map<string, Trail>();
  readonly #levels = new Map<string, number>();
  #completed = 0;
  #cancelled = 0;
  #turnover = 0;

  /** Takes note of `wave`; gives the order that it ends, if it ends one. */
  see(wave: Wave): Ended | undefined {
    const trail = this.#trail(wave);
    const facts = factsOf(wave.payload);
    for (const { sku, left } of facts.levels ?? []) {
      this.#levels.set(sku, left);
    }
    const { orderId } = facts;
    if (orderId === undefined) {
      return undefined;
    }
    switch (wave.channel) {
      case OrderCreated.name:
        this.#going.set(orderId, { orderId, stage: "checking" });
        return undefined;
      case InventoryAvailable.name: {
        const order = this.#going.get(orderId);
        if (order !== undefined) {
          order.stage = "paying";
        }
        return undefined;
      }
      case OrderCompleted.name:
        this.#completed++;
        this.#turnover += facts.total ?? 0;
        return this.#end(wave, trail, { orderId, outcome: "completed", facts });
      case OrderCancelled.name:
        this.#cancelled++;
        return this.#end(wave, trail, { orderId, outcome: "cancelled", facts });
      default:
        return undefined;
    }
  }

  #trail({ trace, arrivedAt }: Wave): Trail {
    const trail = this.#trails.get(trace) ?? { waves: 0, since: arrivedAt };
    trail.waves++;
    this.#trails.set(trace, trail);
    if (this.#trails.size > MOST_TRAILS) {
      const [oldest] = this.#trails.keys();
      if (oldest !== undefined) {
        this.#trails.delete(oldest);
      }
    }
    return trail;
  }

  #end(wave: Wave, trail: Trail, end: Pick<Ended, "orderId" | "outcome" | "facts">): Ended {
    this.#going.delete(end.orderId);
    this.#trails.delete(wave.trace);
    return { ...end, waves: trail.waves, hops: wave.hops, durationMs: wave.arrivedAt - trail.since };
  }

  get completed(): number {
    return this.#completed;
  }

  get cancelled(): number {
    return this.#cancelled;
  }

  /** Cents of all completed orders. */
  get turnover(): number {
    return this.#turnover;
  }

  /** Orders on their way, oldest first. */
  get going(): readonly Readonly<Going>[] {
    return [...this.#going.values()];
  }

  /** Pieces that can be sold, as far as waves told of them. */
  get levels(): ReadonlyMap<string, number> {
    return this.#levels;
  }
}
