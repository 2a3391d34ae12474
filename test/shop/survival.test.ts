/**
 * The shop on a real server while its parts and its server die, in processes of their own: every order that was accepted
 * ends, once, and the stock is exact. And as a control the same with nothing kept, where orders are lost.
 */

import { Aether, type Vibrator, type Wave } from "@aether/core";
import { natsMedium } from "@aether/nats";
import { afterEach, describe, expect, test } from "vitest";
import { type Member, member } from "../../packages/nats/test/jetstream/members.ts";
import { NatsServer } from "../../packages/nats/test/nats-server.ts";
import {
  InventoryAvailable,
  InventoryLevels,
  InventoryUnavailable,
  type Item,
  OrderCancelled,
  OrderCompleted,
  PlaceOrder,
  RECORDED,
  RestockInventory,
} from "../../services/src/contracts.ts";
import { Program } from "../../services/test/program.ts";

/** What a dead process had in hand goes to another one after this time. */
const ACK_WAIT_MS = 1000;
const PAUSE_MS = 15;
const BANK_MS = 100;
const PATIENCE_MS = 30_000;
const GOODS = ["lamp", "chair", "shelf"];
/** What there is of them when the record begins. */
const STOCK = { lamp: 24, chair: 16, shelf: 12 };

/** A shop of several processes, a customer who places orders all the time, and books of what became of them. */
class Mall implements AsyncDisposable {
  readonly server: NatsServer;
  readonly accepted: string[] = [];
  readonly completed = new Books();
  readonly cancelled = new Books();
  readonly checked = new Books();
  /** Pieces that came in. */
  readonly broughtIn: Item[] = [];
  readonly #recorded: readonly string[];
  readonly #programs = new Set<Program>();
  readonly #aether: Aether;
  /** Reads the record. */
  readonly #reader: Member;
  readonly #customer: Vibrator;
  #shopping: Promise<void> = Promise.resolve();
  #open = false;

  // biome-ignore lint/style/useConsistentMemberAccessibility: a constructor cannot be named #private
  private constructor(server: NatsServer, aether: Aether, reader: Member, recorded: readonly string[]) {
    this.server = server;
    this.#aether = aether;
    this.#reader = reader;
    this.#customer = aether.vibrator("customer");
    this.#recorded = recorded;
  }

  static async open(recorded: readonly string[] = RECORDED): Promise<Mall> {
    const server = await NatsServer.start({ version: "2.9", jetstream: true });
    const medium = natsMedium({ servers: server.url, stream: { ackWaitMs: ACK_WAIT_MS } });
    const aether = await Aether.connect({ medium, recorded });
    const mall = new Mall(server, aether, await member(server.url, "aether"), recorded);
    const auditor = mall.#aether.vibrator("auditor");
    await auditor.resonateOn(OrderCompleted, (wave) => mall.completed.enter(wave.payload.orderId, wave));
    await auditor.resonateOn(OrderCancelled, (wave) => mall.cancelled.enter(wave.payload.orderId, wave));
    await auditor.resonateOn(InventoryAvailable, (wave) => mall.checked.enter(wave.payload.orderId, wave));
    await auditor.resonateOn(InventoryUnavailable, (wave) => mall.checked.enter(wave.payload.orderId, wave));
    await auditor.resonateOn(RestockInventory, ({ payload }) => void mall.broughtIn.push(...payload.items));
    return mall;
  }

  /** Whether the stock is what came in, less what was sold. Every order is for one piece. */
  async stockIsExact(): Promise<boolean> {
    const { payload } = await this.#customer.query(InventoryLevels, {}, { timeoutMs: 5000 });
    return Object.entries(STOCK).every(([sku, stock]) => {
      const came = this.broughtIn
        .filter((item) => item.sku === sku)
        .reduce((sum, { quantity }) => sum + quantity, stock);
      const sold = this.accepted.filter((id) => this.skus.get(id) === sku && this.completed.of(id).length > 0).length;
      return payload.levels.find((level) => level.sku === sku)?.left === came - sold;
    });
  }

  /** Starts a part; resolves when it is up. */
  async start(name: string): Promise<Program> {
    const program = this.#begin(name);
    await program.writes(`${name} is up`);
    return program;
  }

  /** Starts parts that wait for each other. */
  async startAll(...names: readonly string[]): Promise<readonly Program[]> {
    const programs = names.map((name) => this.#begin(name));
    await Promise.all(programs.map((program, index) => program.writes(`${names[index]} is up`)));
    return programs;
  }

  #begin(name: string): Program {
    const program = Program.part(name, {
      AETHER__AETHER__NATS_URL: this.server.url,
      AETHER__AETHER__RECORDED: this.#recorded.join(","),
      AETHER__AETHER__NATS_STREAM_ACK_WAIT_MS: String(ACK_WAIT_MS),
      AETHER__SHOP__ORDERS: "0",
      AETHER__SHOP__BANK_MS: String(BANK_MS),
    });
    this.#programs.add(program);
    return program;
  }

  /** What each order is for. */
  readonly skus = new Map<string, string>();

  /** Customers come until {@link closeDoors}. */
  openDoors(): void {
    this.#open = true;
    this.#shopping = this.#shop();
  }

  async closeDoors(): Promise<void> {
    this.#open = false;
    await this.#shopping;
  }

  async #shop(): Promise<void> {
    for (let n = 1; this.#open; n++) {
      await this.place(`order-${n}`, GOODS[n % GOODS.length]);
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }

  /** Places an order, which counts as accepted once the emit resolves. */
  async place(orderId: string, sku = "lamp"): Promise<void> {
    const order = { orderId, customer: "ada", items: [{ sku, quantity: 1 }] };
    this.skus.set(orderId, sku);
    try {
      await this.#customer.emit(PlaceOrder, order, { key: orderId });
      this.accepted.push(orderId);
    } catch {
      // Refused or uncertain: nobody promised anything.
    }
  }

  /** How often each accepted order ended. */
  get ends(): readonly number[] {
    return this.accepted.map((orderId) => this.completed.of(orderId).length + this.cancelled.of(orderId).length);
  }

  get ended(): number {
    return this.completed.size + this.cancelled.size;
  }

  async until(isSo: () => boolean | Promise<boolean>, what: string): Promise<void> {
    const end = performance.now() + PATIENCE_MS;
    while (!(await isSo())) {
      if (performance.now() > end) {
        const counts = `${this.accepted.length} accepted, ${this.completed.size} completed, ${this.cancelled.size} cancelled`;
        const texts = [...this.#programs].map(({ out }) => out.slice(-500)).join("\n");
        throw new Error(`Expected ${what} within ${PATIENCE_MS} ms; ${counts}\n${texts}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  /** Resolves when `count` more orders have ended. */
  async more(count: number): Promise<void> {
    const goal = this.ended + count;
    await this.until(() => this.ended >= goal, `${goal} orders to end`);
  }

  /** Closes the doors and waits until every accepted order has ended. */
  async settle(): Promise<void> {
    await this.closeDoors();
    await this.until(() => this.ends.every((times) => times > 0), "every accepted order to end");
    // What would end twice has had its second end when nobody has anything left to do, seen twice.
    let quiet = 0;
    await this.until(async () => {
      quiet = (await this.#pending()) === 0 ? quiet + 1 : 0;
      return quiet === 2;
    }, "nothing to be pending");
  }

  /** How many waves are in the hands of groups or before them. */
  async #pending(): Promise<number> {
    const groups = await this.#reader.recorder.groups();
    return groups.reduce((sum, { pending }) => sum + pending, 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.closeDoors();
    for (const program of this.#programs) {
      if (program.isRunning) {
        await program.stop("SIGKILL");
      }
    }
    await this.#aether.close({ deadlineMs: 0 });
    await this.#reader[Symbol.asyncDispose]();
    await this.server[Symbol.asyncDispose]();
  }
}

/** Waves by the order that they are about. */
class Books {
  readonly #waves = new Map<string, Wave[]>();

  enter(orderId: string, wave: Wave): void {
    this.#waves.set(orderId, [...this.of(orderId), wave]);
  }

  of(orderId: string): readonly Wave[] {
    return this.#waves.get(orderId) ?? [];
  }

  get size(): number {
    return this.#waves.size;
  }

  /** The instances that the waves came from. */
  get sources(): ReadonlySet<string> {
    return new Set([...this.#waves.values()].flat().map(({ sourceId }) => sourceId));
  }
}

let mall: Mall;
afterEach(async () => {
  await mall?.[Symbol.asyncDispose]();
});

describe("every accepted order ends once", { timeout: 60_000 }, () => {
  test("while each of the services is killed and comes back", async () => {
    mall = await Mall.open();
    const programs = await mall.startAll("alpha", "beta", "gamma");
    mall.openDoors();
    for (const [index, name] of ["alpha", "beta", "gamma"].entries()) {
      await mall.more(10);
      await programs[index]?.stop("SIGKILL");
      await mall.start(name);
    }
    await mall.more(10);
    await mall.settle();
    expect(new Set(mall.ends)).toEqual(new Set([1]));
    expect(mall.completed.size).toBeGreaterThan(20);
    await mall.until(() => mall.stockIsExact(), "the stock to be what came in, less what was sold");
  });

  test("while the server is killed and comes back", async () => {
    mall = await Mall.open();
    await mall.startAll("alpha", "beta", "gamma");
    mall.openDoors();
    await mall.more(20);
    await mall.server.kill("SIGKILL");
    await mall.server.run();
    await mall.more(20);
    await mall.settle();
    expect(new Set(mall.ends)).toEqual(new Set([1]));
  });

  test("while services grow to several instances, which share the work, and one of them is killed", async () => {
    mall = await Mall.open();
    const [, first] = await mall.startAll("alpha", "beta", "gamma");
    mall.openDoors();
    await mall.more(10);
    await mall.startAll("beta", "beta", "alpha");
    await mall.until(() => mall.checked.sources.size === 3, "three instances to check orders");
    await first?.stop("SIGKILL");
    await mall.more(20);
    await mall.settle();
    expect(new Set(mall.ends)).toEqual(new Set([1]));
    expect(new Set(mall.accepted.map((orderId) => mall.checked.of(orderId).length))).toEqual(new Set([1]));
    await mall.until(() => mall.stockIsExact(), "three inventories to have one stock");
  });
});

test("the control: with nothing kept, orders of a service that is killed never end", async () => {
  mall = await Mall.open([]);
  const [alpha] = await mall.startAll("alpha", "beta", "gamma");
  mall.openDoors();
  await mall.more(10);
  await alpha?.stop("SIGKILL");
  await mall.start("alpha");
  await mall.more(10);
  await mall.closeDoors();
  await mall.place("the-last");
  await mall.until(() => mall.ends.at(-1) === 1, "the last order to end");
  expect(mall.ends.filter((times) => times === 0).length).toBeGreaterThan(0);
}, 60_000);
