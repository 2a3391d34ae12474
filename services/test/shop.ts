/** A shop for tests: the real services on an in-process medium, with everything that is seen on it. */

import type { Vibrator, Wave } from "@aether/core";
import { type RunningServices, runService, type Service, type ServiceConfig } from "@aether/service";
import { alpha } from "../src/alpha.ts";
import { beta } from "../src/beta.ts";
import { InventoryLevels, type Item, OrderCancelled, OrderCompleted, PlaceOrder } from "../src/contracts.ts";
import { gamma } from "../src/gamma.ts";
import { observer } from "../src/observer.ts";

const PATIENCE_MS = 8000;

/** An open shop. */
export class Shop implements AsyncDisposable {
  readonly run: RunningServices;
  readonly customer: Vibrator;
  /** Every wave, in the order it was seen in. */
  readonly waves: readonly Wave[];
  readonly #watchers: Set<() => void>;

  constructor(run: RunningServices, waves: readonly Wave[], watchers: Set<() => void>) {
    this.run = run;
    this.customer = run.aether.vibrator("customer");
    this.waves = waves;
    this.#watchers = watchers;
  }

  static async open(config: ServiceConfig = {}, services: readonly Service[] = [alpha, beta, gamma]): Promise<Shop> {
    const waves: Wave[] = [];
    const watchers = new Set<() => void>();
    const eye = observer((wave) => {
      waves.push(wave);
      for (const look of watchers) {
        look();
      }
    });
    return new Shop(await runService([eye, ...services], { config }), waves, watchers);
  }

  async place(orderId: string, items: readonly Item[]): Promise<void> {
    await this.customer.emit(PlaceOrder, { orderId, customer: "ada", items }, { key: orderId });
  }

  /** Resolves when what was seen fits `isSo`. Rejects after 8 s. */
  async until(what: string, isSo: () => boolean): Promise<void> {
    if (isSo()) {
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const late = setTimeout(() => {
        const seen = this.waves.slice(-20).map(({ channel, key }) => `${channel} ${key}`);
        reject(new Error(`Not so within ${PATIENCE_MS} ms: ${what}. Last waves: ${seen.join(", ")}`));
      }, PATIENCE_MS);
      const look = (): void => {
        if (isSo()) {
          clearTimeout(late);
          this.#watchers.delete(look);
          resolve();
        }
      };
      this.#watchers.add(look);
    });
  }

  /** Resolves when `count` waves on `channel` were seen. */
  async seen(channel: { readonly name: string }, count = 1): Promise<void> {
    await this.until(`${count} waves on ${channel.name}`, () => this.on(channel).length >= count);
  }

  /** Resolves when `count` orders have ended. */
  async ended(count = 1): Promise<void> {
    await this.until(`${count} orders have ended`, () => this.ends.length >= count);
  }

  /** The waves that end orders. */
  get ends(): readonly Wave[] {
    return this.waves.filter(({ channel }) => channel === OrderCompleted.name || channel === OrderCancelled.name);
  }

  on({ name }: { readonly name: string }): readonly Wave[] {
    return this.waves.filter(({ channel }) => channel === name);
  }

  /** The channels of the waves that were seen for one order. */
  way(orderId: string): readonly string[] {
    return this.waves.filter(({ key }) => key === orderId).map(({ channel }) => channel);
  }

  /** What the inventory says it can sell. */
  async stock(): Promise<Record<string, number>> {
    const { levels } = (await this.customer.query(InventoryLevels, {})).payload;
    return Object.fromEntries(levels.map(({ sku, left }) => [sku, left]));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.run.close();
  }
}
