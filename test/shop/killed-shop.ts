/** `npm start`, killed again and again with orders on their way: what was seen of it, and what its record says. */

import { fileURLToPath } from "node:url";
import { type Random, seededRandom, type Wave } from "@aether/core";
import { openJournal } from "@aether/journal";
import { expect } from "vitest";
import { PlaceOrder } from "../../services/src/contracts.ts";
import { Program } from "../../services/test/program.ts";

const SHOP = fileURLToPath(new URL("../../services/dist/start.js", import.meta.url));
const RATE = 40;
const SHORTEST_MS = 100;
const LONGEST_MS = 700;
const PATIENCE_MS = 30_000;
/** Of these there is one for an order, whichever it is. */
const ONCE: readonly (readonly string[])[] = [
  ["orders.created"],
  ["inventory.check"],
  ["inventory.available", "inventory.unavailable"],
  ["orders.confirmed"],
  ["payments.request"],
  ["payments.completed", "payments.failed"],
];
const ENDS: readonly string[] = ["orders.completed", "orders.cancelled"];

/** That a wave was there. */
export interface Fact {
  readonly channel: string;
  readonly orderId: string;
}

/** A shop that is started and killed. */
export class KilledShop implements AsyncDisposable {
  readonly #folder: string | undefined;
  readonly #random: Random;
  readonly #programs: Program[] = [];
  /** How many orders had been placed and had not ended, at each kill. */
  readonly inFlight: number[] = [];
  #seed: number;

  /** `folder`: where it keeps its journal; `undefined`: it keeps nothing. */
  constructor(folder: string | undefined, seed: number) {
    this.#folder = folder;
    this.#random = seededRandom(seed);
    this.#seed = Math.floor(this.#random() * 1_000_000);
  }

  /** What its terminals have shown, all of them. */
  get seen(): readonly Fact[] {
    return this.#programs.flatMap(({ out }) => factsIn(out));
  }

  /** Orders whose placing was seen. */
  get accepted(): ReadonlySet<string> {
    return ordersOf(this.seen, [PlaceOrder.name]);
  }

  /** Starts it, and kills it while orders are on their way. */
  async liveAndDie(): Promise<void> {
    const program = this.#start(RATE);
    await program.writes("payments.request");
    await sleep(SHORTEST_MS + this.#random() * (LONGEST_MS - SHORTEST_MS));
    await program.stop("SIGKILL");
    const { accepted, seen } = this;
    this.inFlight.push(accepted.size - ordersOf(seen, ENDS).size);
  }

  /** Starts it for good: until every order has ended, or until this one has nothing more to do, and closes it in order. */
  async liveOn(isOver: (program: Program) => Promise<boolean>): Promise<void> {
    const program = this.#start(0.01);
    await program.writes("orders.created");
    const end = performance.now() + PATIENCE_MS;
    while (!(await isOver(program)) && performance.now() < end) {
      await sleep(50);
    }
    expect(await program.stop("SIGTERM"), program.out).toBe(0);
  }

  #start(rate: number): Program {
    const persistence: Record<string, string> =
      this.#folder === undefined
        ? {}
        : { AETHER__AETHER__PERSISTENCE_ENABLED: "true", AETHER__AETHER__PERSISTENCE_PATH: this.#folder };
    // Another seed in each life: the same orders again would be no new ones.
    const program = new Program(SHOP, ["--rate", String(rate), "--seed", String(this.#seed++)], persistence);
    this.#programs.push(program);
    return program;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const program of this.#programs) {
      if (program.isRunning) {
        await program.stop("SIGKILL");
      }
    }
  }
}

/** Everything that the record in `folder` has, also while the shop writes there. */
export async function recordIn(folder: string): Promise<readonly Wave[]> {
  await using journal = await openJournal(folder, { readOnly: true });
  const waves: Wave[] = [];
  for await (const { wave } of journal.read()) {
    waves.push(wave);
  }
  return waves;
}

export function factsOf(waves: readonly Wave[]): readonly Fact[] {
  return waves.map(({ channel, key }) => ({ channel, orderId: key ?? "" }));
}

/** What a terminal has shown, but for a last line that was cut off. */
export function factsIn(out: string): readonly Fact[] {
  const lines = out.slice(0, out.lastIndexOf("\n") + 1).split("\n");
  return lines.flatMap((line) => {
    const [, channel, orderId] = /^[! ] ([a-z.]+) +\S+ +[\d.]+ +\d+ +\S+ +(\d+-\d+) /.exec(line) ?? [];
    return channel === undefined || orderId === undefined ? [] : [{ channel, orderId }];
  });
}

/** The orders that a wave on one of `channels` is about. */
export function ordersOf(facts: readonly Fact[], channels: readonly string[]): ReadonlySet<string> {
  return new Set(facts.filter(({ channel }) => channels.includes(channel)).map(({ orderId }) => orderId));
}

/** What is wrong: accepted orders that did not end once, and steps that were taken twice for anybody. */
export function wrongWith(accepted: ReadonlySet<string>, facts: readonly Fact[]): readonly string[] {
  const ends = countsOf(facts, ENDS);
  const wrong = [...accepted].filter((orderId) => ends.get(orderId) !== 1);
  return [...wrong.map((orderId) => `${orderId} ended ${ends.get(orderId) ?? 0} times`), ...twiceIn(facts)];
}

/** Steps of which there is more than one. */
export function twiceIn(facts: readonly Fact[]): readonly string[] {
  return [...ONCE, ENDS].flatMap((channels) =>
    [...countsOf(facts, channels)]
      .filter(([, count]) => count > 1)
      .map(([orderId, count]) => `${orderId}: ${channels.join(" or ")} ${count} times`),
  );
}

/** How many waves on any of `channels` there are for each order. */
function countsOf(facts: readonly Fact[], channels: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { channel, orderId } of facts) {
    if (channels.includes(channel)) {
      counts.set(orderId, (counts.get(orderId) ?? 0) + 1);
    }
  }
  return counts;
}

async function sleep(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}
