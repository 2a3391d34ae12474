/** Random traffic over a record, in which members fail, leave and die. */

import { type Aether, type Link, type Medium, type MediumEvents, seededRandom, UnrecoverableError } from "@aether/core";
import { describe, expect, test } from "vitest";
import { connect, expectBalance } from "../../packages/core/test/aether/connect.ts";
import { ManualClock, turns } from "../../packages/core/test/aether/manual-clock.ts";
import { until } from "../../packages/core/test/aether/until.ts";
import { fc } from "../../packages/core/test/seeded.ts";
import { remembering } from "../../packages/testing/test/lawful/remembering.ts";
import { recorderOf } from "./world.ts";

/** `medium`, whose links can be cut from outside: nobody settles what they had in hand. */
function cuttable(medium: Medium): { readonly medium: Medium; readonly links: Link[] } {
  const links: Link[] = [];
  const open = async (events: MediumEvents): Promise<Link> => {
    const link = await medium.open(events);
    links.push(link);
    return link;
  };
  return { medium: { ...medium, open }, links };
}

/** One member of a group: an aether of its own, which may die. */
interface Member {
  readonly aether: Aether;
  readonly link: Link | undefined;
}

const GROUPS = ["beta", "gamma"];

class Traffic {
  readonly clock: ManualClock = new ManualClock();
  readonly #random: () => number;
  readonly #parts = cuttable(remembering(this.clock));
  readonly members = new Map<string, Member[]>(GROUPS.map((group) => [group, []]));
  /** Ids that were handled well, and those that became dead letters, by group. */
  readonly handled = new Map<string, Set<string>>(GROUPS.map((group) => [group, new Set()]));
  readonly dead = new Map<string, Set<string>>(GROUPS.map((group) => [group, new Set()]));
  readonly recorded: string[] = [];

  constructor(seed: number) {
    this.#random = seededRandom(seed);
  }

  get medium(): Medium {
    return this.#parts.medium;
  }

  async join(group: string): Promise<void> {
    const random = this.#random;
    const { clock, medium } = this;
    const aether = await connect({ medium, clock, random, recorded: ["orders.>"] });
    const link = this.#parts.links.at(-1);
    aether.on("dead", ({ id }) => void this.dead.get(group)?.add(id));
    await aether.vibrator(group).resonateOn(
      "orders.*",
      async (wave, ctx) => {
        const chance = random();
        if (chance < 0.3) {
          await turns(1);
        }
        if (chance < 0.05) {
          ctx.retryLater(20);
          return;
        }
        if (chance > 0.97) {
          throw new UnrecoverableError("hopeless");
        }
        if (chance > 0.8) {
          throw new Error("broken");
        }
        this.handled.get(group)?.add(wave.id);
      },
      {
        concurrency: 1 + Math.floor(random() * 5),
        maxAttempts: 4,
        backoffMs: { base: 5, max: 40 },
        order: random() < 0.5 ? "key" : "fifo",
        from: "start",
      },
    );
    this.members.get(group)?.push({ aether, link });
  }

  /** Some member of `group` leaves, in good order or not. */
  async leave(group: string): Promise<void> {
    const members = this.members.get(group) ?? [];
    const [member] = members.splice(Math.floor(this.#random() * members.length), 1);
    if (member === undefined) {
      return;
    }
    if (this.#random() < 0.5) {
      await member.link?.close(); // It dies: what it still does reaches nobody.
    } else {
      const closing = member.aether.close({ deadlineMs: 30 });
      await this.clock.advance(30);
      await closing;
    }
    expectBalance(member.aether.stats());
  }

  async emit(aether: Aether, count: number): Promise<void> {
    const random = this.#random;
    for (let i = 0; i < count; i++) {
      const key = random() < 0.5 ? `key-${Math.floor(random() * 3)}` : undefined;
      const { id } = await aether.vibrator("alpha").emit("orders.created", i, { amplitude: random(), key });
      this.recorded.push(id);
    }
  }

  async run(steps: number): Promise<void> {
    const random = this.#random;
    const { clock, medium } = this;
    const emitter = await connect({ medium, clock, random, recorded: ["orders.>"] });
    for (const group of GROUPS) {
      await this.join(group);
    }
    for (let step = 0; step < steps; step++) {
      const group = GROUPS[Math.floor(random() * GROUPS.length)] ?? "beta";
      const chance = random();
      if (chance < 0.5) {
        await this.emit(emitter, Math.floor(random() * 20));
      } else if (chance < 0.65) {
        await this.join(group);
      } else if (chance < 0.8) {
        await this.leave(group);
      } else {
        await clock.advance(random() * 50);
      }
      this.check();
    }
    for (const group of GROUPS) {
      await this.join(group);
    }
    const recorder = await recorderOf(medium);
    for (let waits = 0; waits < 400 && (await recorder.groups()).some(({ pending }) => pending > 0); waits++) {
      await clock.advance(50);
    }
  }

  check(): void {
    for (const { aether } of [...this.members.values()].flat()) {
      expectBalance(aether.stats());
    }
  }
}

describe("over a record with members that fail, leave and die", () => {
  test("each wave is handled by each group, or is a dead letter of it", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 2 ** 31 - 1 }), async (seed) => {
        const traffic = new Traffic(seed);
        await traffic.run(20);
        const recorder = await recorderOf(traffic.medium);
        for (const { group, pending } of await recorder.groups()) {
          expect(pending, `waves that ${group} has not handled`).toBe(0);
        }
        for (const group of GROUPS) {
          const lost = traffic.recorded.filter(
            (id) => !traffic.handled.get(group)?.has(id) && !traffic.dead.get(group)?.has(id),
          );
          expect(lost, `waves that nobody of ${group} has handled or buried`).toEqual([]);
        }
        traffic.check();
      }),
      { numRuns: 6 },
    );
  });
});

test("a critical wave behind a backlog of 20,000 bulk waves is handled among the first 300", async () => {
  const clock = new ManualClock();
  const medium = remembering(clock);
  const aether = await connect({ medium, clock, recorded: ["orders.>"] });
  const alpha = aether.vibrator("alpha");
  for (let i = 0; i < 20; i++) {
    await Promise.all(Array.from({ length: 1000 }, () => alpha.emit("orders.created", "bulk", { amplitude: "bulk" })));
  }
  let handled = 0;
  let place = 0;
  await aether.vibrator("beta").resonateOn(
    "orders.*",
    async (wave) => {
      handled++;
      if (wave.payload === "critical") {
        place = handled;
      } else if (handled === 10) {
        await alpha.emit("orders.created", "critical", { amplitude: "critical" });
      }
      await turns(1);
    },
    { from: "start" },
  );
  await until(() => place > 0);
  expect(place).toBeGreaterThan(10);
  expect(place).toBeLessThanOrEqual(300);
  expectBalance(aether.stats());
});
