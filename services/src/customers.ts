/** The customers of the demo: they place orders for ever, some of them too large, too dear or sent twice. */

import { setTimeout as sleep } from "node:timers/promises";
import { AetherError, type Random, seededRandom } from "@aether/core";
import { defineService, type Service } from "@aether/service";
import { z } from "zod";
import { type Item, type Order, OrderCancelled, OrderCompleted, PlaceOrder } from "./contracts.ts";
import { oneOf, wholeBetween } from "./random.ts";

/** What they read of the configuration. */
const settings = z.object({
  /** The same seed gives the same orders. */
  seed: z.int().min(0).default(1),
  /** Orders a second, on average; 0: each right after the last. */
  rate: z.number().min(0).default(1.5),
  /** How many orders they place in all; default: no end. */
  orders: z.int().min(0).optional(),
});

/** What tells customers that their order has ended. */
const ENDS: ReadonlySet<string> = new Set([OrderCompleted.name, OrderCancelled.name]);
/** How long customers wait for their orders when the shop closes. */
const PATIENCE_MS = 5000;

export const customers: Service = defineService(
  "customers",
  async ({ aether, vibrator, config, log, ready, signal }) => {
    const { seed, rate, orders = Number.POSITIVE_INFINITY } = settings.parse(config);
    const random = seededRandom(seed);
    const waiting = new Waiting();

    // Everybody looks on for the orders that he placed himself; in a group others would be told of them.
    await aether.observe("orders.*", ({ channel, key }) => {
      if (key !== undefined && ENDS.has(channel)) {
        waiting.remove(key);
      }
    });

    const place = async (order: Order): Promise<void> => {
      try {
        await vibrator.emit(PlaceOrder, order, { key: order.orderId });
      } catch (error) {
        waiting.remove(order.orderId);
        if (!(error instanceof AetherError)) {
          throw error;
        }
        log.warn("Nobody takes orders", { error });
      }
    };

    const shop = async (): Promise<void> => {
      await ready;
      for (let n = 1; n <= orders && !signal.aborted; n++) {
        const order = { orderId: `${seed}-${n}`, ...randomBasket(random) };
        // Some are impatient and press the button twice.
        const times = random() < 0.08 ? 2 : 1;
        const pause = rate > 0 ? (1000 / rate) * (0.5 + random()) : 0;
        waiting.add(order.orderId);
        for (let time = 0; time < times; time++) {
          await place(order);
        }
        if (pause > 0) {
          await sleep(pause, undefined, { signal });
        }
      }
    };

    const shopping = shop().catch((error: unknown) => {
      if (!signal.aborted) {
        log.error("The customers went home", { error });
      }
    });
    return async () => {
      await shopping;
      // Who looks on may miss an end, as when a server has gone: then it is not waited for for ever.
      await Promise.race([waiting.isOver(), sleep(PATIENCE_MS, undefined, { ref: false })]);
    };
  },
  { needs: [PlaceOrder] },
);

/** What somebody comes up with: mostly something modest, at times more than there is or than a card pays. */
function randomBasket(random: Random): Omit<Order, "orderId"> {
  const customer = oneOf(random, ["ada", "grace", "edsger", "barbara", "alan", "radia"]);
  const mood = random();
  if (mood < 0.12) {
    return { customer, items: [{ sku: oneOf(random, ["lamp", "shelf"]), quantity: wholeBetween(random, 30, 60) }] };
  }
  if (mood < 0.27) {
    return { customer, items: [{ sku: "desk", quantity: wholeBetween(random, 2, 3) }] };
  }
  const items: Item[] = [{ sku: oneOf(random, ["lamp", "lamp", "chair"]), quantity: wholeBetween(random, 1, 3) }];
  if (random() < 0.3) {
    items.push({ sku: oneOf(random, ["shelf", "desk"]), quantity: 1 });
  }
  return { customer, items };
}

/** Orders that were placed and have not ended. */
class Waiting {
  readonly #orders = new Set<string>();
  #onOver: (() => void)[] = [];

  add(orderId: string): void {
    this.#orders.add(orderId);
  }

  remove(orderId: string): void {
    this.#orders.delete(orderId);
    if (this.#orders.size === 0) {
      for (const tell of this.#onOver.splice(0)) {
        tell();
      }
    }
  }

  /** Resolves when every order has ended. */
  async isOver(): Promise<void> {
    if (this.#orders.size > 0) {
      await new Promise<void>((resolve) => this.#onOver.push(resolve));
    }
  }
}
