/** Views on a medium with a memory: what they are made of, when they are there, and how they stop. */

import { Aether, AetherError, channel, type Medium, type View, type ViewFallback, type Wave } from "@aether/core";
import { describe, expect, expectTypeOf, test } from "vitest";
import { z } from "zod";
import { connect } from "../../packages/core/test/aether/connect.ts";
import { ManualClock, turns } from "../../packages/core/test/aether/manual-clock.ts";
import { remembering } from "../../packages/testing/test/lawful/remembering.ts";
import { altered, steps } from "./histories.ts";

const OrderPaid = channel("orders.paid", { recorded: true, schema: z.object({ orderId: z.string(), cents: z.int() }) });
const OrderCancelled = channel("orders.cancelled", { recorded: true, schema: z.object({ orderId: z.string() }) });

interface Books {
  cents: number;
  readonly paid: Record<string, number>;
}

/** A view of what was paid. */
function books(aether: Aether, name = "books"): Promise<View<Books>> {
  return aether.vibrator("accounts").materialize(name, {
    channels: [OrderPaid, OrderCancelled],
    initial: (): Books => ({ cents: 0, paid: {} }),
    apply(state, wave) {
      if (OrderPaid.carries(wave)) {
        const { orderId, cents } = wave.payload;
        state.cents += cents;
        state.paid[orderId] = cents;
      } else {
        state.cents -= state.paid[wave.payload.orderId] ?? 0;
        delete state.paid[wave.payload.orderId];
      }
    },
    snapshotEvery: 2,
  });
}

async function codeOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
    return undefined;
  } catch (error) {
    return error instanceof AetherError ? error.code : error;
  }
}

/** A view that counts the waves on `orders.>`. */
function count(aether: Aether, apply: (state: number, wave: Wave) => number, name = "count"): Promise<View<number>> {
  return aether.vibrator("counter").materialize(name, { channels: ["orders.>"], initial: 0, apply });
}

describe("a view", () => {
  test("has what was recorded before it when it is ready, and what comes when it has reached it", async () => {
    const aether = await connect({ medium: remembering() });
    const till = aether.vibrator("till");
    await till.emit(OrderPaid, { orderId: "1", cents: 100 });
    await till.emit(OrderPaid, { orderId: "2", cents: 250 });
    const view = await books(aether);
    await view.ready;
    expect(view.state).toEqual({ cents: 350, paid: { "1": 100, "2": 250 } });
    const { position = "" } = await till.emit(OrderCancelled, { orderId: "1" });
    await view.reach(position);
    expect(view.state).toEqual({ cents: 250, paid: { "2": 250 } });
    expect(view.position).toBe(position);
    expectTypeOf(view.state.cents).toEqualTypeOf<number>();
    expectTypeOf(view.state).toEqualTypeOf<{
      readonly cents: number;
      readonly paid: { readonly [x: string]: number };
    }>();
  });

  test("covers positions of other channels, too", async () => {
    const aether = await connect({ medium: remembering(), recorded: ["stock.>"] });
    const view = await books(aether);
    await view.ready;
    const { position = "" } = await aether.vibrator("till").emit("stock.counted", 1);
    await view.reach(position, { timeoutMs: 5000 });
    expect(view.state.cents).toBe(0);
  });

  test("is the same in every instance, from the snapshot of another one on", async () => {
    const medium = remembering();
    const [one, other] = [await connect({ medium }), await connect({ medium })];
    const till = one.vibrator("till");
    const first = await books(one);
    const saved: string[] = [];
    first.on("saved", ({ position }) => saved.push(position));
    for (let n = 0; n < 5; n++) {
      const { position = "" } = await till.emit(OrderPaid, { orderId: String(n), cents: n });
      await first.reach(position);
    }
    await turns();
    expect(saved).toEqual(["2", "4"]);
    const second = await books(other);
    await second.ready;
    expect(second.state).toEqual(first.state);
    expect([second.position, second.fallbacks]).toEqual([first.position, []]);
  });

  test("begins with a snapshot that it saves when it is told to, and folds only what follows", async () => {
    const medium = remembering();
    const aether = await connect({ medium, recorded: ["orders.>"] });
    const till = aether.vibrator("till");
    const view = await count(aether, (state) => state + 1);
    expect(await view.snapshot()).toBeUndefined();
    await till.emit("orders.a");
    await view.reach((await till.emit("orders.b")).position ?? "");
    expect(await view.snapshot()).toBe(view.position);
    await view.close();
    const folded: string[] = [];
    const again = await count(aether, (state, wave) => {
      folded.push(wave.channel);
      return state + 1;
    });
    await again.reach((await till.emit("orders.c")).position ?? "");
    expect([again.state, folded]).toEqual([3, ["orders.c"]]);
  });

  test("saves a wave under its own position, whenever it is told to", async () => {
    const medium = remembering();
    const aether = await connect({ medium, recorded: ["orders.>"] });
    const saved: Promise<unknown>[] = [];
    const view = await count(aether, (state) => {
      // As soon as `apply` has ended.
      queueMicrotask(() => saved.push(view.snapshot()));
      return state + 1;
    });
    await view.reach((await aether.vibrator("till").emit("orders.a")).position ?? "");
    expect(await Promise.all(saved)).toEqual([view.position]);
    await view.close();
    const again = await count(aether, (state) => state + 1);
    await again.ready;
    expect(again.state).toBe(1);
  });

  test("stops before a wave that `apply` throws at, names it, and has the state as it was", async () => {
    const medium = remembering();
    const aether = await connect({ medium, recorded: ["orders.>"] });
    const till = aether.vibrator("till");
    const view = await aether.vibrator("lists").materialize("list", {
      channels: ["orders.*"],
      initial: { items: [] as unknown[] },
      apply(state, wave) {
        state.items.push(wave.payload);
        if (wave.payload === "bad") {
          throw new Error("no such thing");
        }
      },
      snapshotEvery: 2,
    });
    const told: AetherError[] = [];
    view.on("failed", ({ error }) => told.push(error));
    for (const payload of ["a", "b", "c"]) {
      await till.emit("orders.x", payload);
    }
    const { id, position = "" } = await till.emit("orders.bad", "bad");
    const after = await till.emit("orders.x", "d");
    const waiting = codeOf(view.reach(after.position ?? ""));
    const error = await view.closed.catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      code: "AETHER_VIEW_FAILED",
      details: { view: "list", vibrator: "lists", id, channel: "orders.bad", position },
    });
    expect(String(error)).toContain(`"${id}" on "orders.bad" at ${position}, got an exception: no such thing`);
    expect(told).toEqual([error]);
    expect(await waiting).toBe("AETHER_VIEW_FAILED");
    expect([view.state, view.position]).toEqual([{ items: ["a", "b", "c"] }, "3"]);
    expect(await codeOf(view.snapshot())).toBe("AETHER_VIEW_FAILED");
    expect(await codeOf(view.reach(after.position ?? ""))).toBe("AETHER_VIEW_FAILED");
    await view.reach("2");
  });

  test("stops before a wave that breaks the contract of its channel, or where `apply` gives a promise", async () => {
    const aether = await connect({ medium: remembering(), recorded: ["orders.>"] });
    const till = aether.vibrator("till");
    const view = await books(aether);
    const promised = await count(aether, (async () => 1) as unknown as () => number);
    await till.emit(OrderPaid, { orderId: "1", cents: 5 });
    expect(await codeOf(promised.closed)).toBe("AETHER_VIEW_FAILED");
    const { id } = await till.emit("orders.cancelled", 7);
    expect(await view.closed.catch((reason: unknown) => reason)).toMatchObject({
      code: "AETHER_VIEW_FAILED",
      details: { id, channel: "orders.cancelled", position: "2" },
      cause: { code: "AETHER_BAD_PAYLOAD" },
    });
    expect(view.state.cents).toBe(5);
  });

  test("leaves out what was meant for one group alone: a dead letter that is emitted again", async () => {
    const aether = await connect({ medium: remembering(), recorded: ["orders.>"] });
    const view = await count(aether, (state) => state + 1);
    let isBroken = true;
    const handled: unknown[] = [];
    await aether.vibrator("beta").resonateOn(
      "orders.*",
      (wave) => {
        if (isBroken) {
          throw new Error("broken");
        }
        handled.push(wave.payload);
      },
      { maxAttempts: 1 },
    );
    const dead = new Promise<string>((resolve) => aether.on("dead", ({ letter }) => resolve(letter)));
    await aether.vibrator("till").emit("orders.a", 1);
    const letter = await dead;
    isBroken = false;
    await aether.deadLetters.reemit(letter);
    const { position = "" } = await aether.vibrator("till").emit("orders.b", 2);
    await view.reach(position);
    expect(view.state).toBe(2);
    expect(Number(position), "the letter was recorded again").toBe(3);
  });

  test("gives up waiting at its deadline, by its signal, and when it closes", async () => {
    const clock = new ManualClock();
    const aether = await connect({ medium: remembering(clock), clock, recorded: ["orders.>"] });
    const view = await count(aether, (state) => state + 1);
    const late = codeOf(view.reach("9", { timeoutMs: 100 }));
    const abort = new AbortController();
    const aborted = codeOf(view.reach("9", { signal: abort.signal }));
    const closed = codeOf(view.reach("9"));
    await clock.advance(100);
    expect(await late).toBe("AETHER_TIMEOUT");
    abort.abort("enough");
    expect(await aborted).toBe("enough");
    await view.close();
    await view.closed;
    expect(await closed).toBe("AETHER_CLOSED");
    expect(await codeOf(view.reach("none-such"))).toBe("AETHER_BAD_OPTION");
    expect(await codeOf(count(aether, (state) => state))).toBeUndefined();
  });

  test("closes with its vibrator and by its signal, and then its name is free", async () => {
    const aether = await connect({ medium: remembering(), recorded: ["orders.>"] });
    const shop = aether.vibrator("shop");
    const abort = new AbortController();
    const options = { channels: ["orders.>"], initial: 0, apply: (state: number) => state + 1 } as const;
    const view = await shop.materialize("count", { ...options, signal: abort.signal });
    expect(await codeOf(shop.materialize("count", options))).toBe("AETHER_AMBIGUOUS");
    abort.abort();
    await view.closed;
    const again = await shop.materialize("count", options);
    await shop.close();
    await again.closed;
    expect(await codeOf(shop.materialize("count", options))).toBe("AETHER_CLOSED");
  });

  test("is refused where nothing is kept, and for what is no option", async () => {
    const bare = await connect();
    const aether = await connect({ medium: remembering(), recorded: ["orders.>"] });
    const shop = aether.vibrator("shop");
    const apply = (): undefined => undefined;
    const refused: readonly (readonly [() => Promise<unknown>, string, RegExp])[] = [
      [
        () => bare.vibrator("a").materialize("v", { channels: ["a"], initial: 0, apply }),
        "AETHER_UNSUPPORTED",
        /journal/,
      ],
      [
        () => shop.materialize("v", { channels: ["orders.a", "a"], initial: 0, apply }),
        "AETHER_UNSUPPORTED",
        /`recorded`/,
      ],
      [() => shop.materialize("v", { channels: [">"], initial: 0, apply }), "AETHER_UNSUPPORTED", />/],
      [() => shop.materialize("v", { channels: [], initial: 0, apply }), "AETHER_BAD_OPTION", /channels/],
      [() => shop.materialize("v", { channels: ["a..b"], initial: 0, apply }), "AETHER_BAD_CHANNEL", /a\.\.b/],
      [() => shop.materialize("v w", { channels: ["orders.a"], initial: 0, apply }), "AETHER_BAD_OPTION", /name/],
      [() => shop.materialize("v", { channels: ["orders.a"], initial: new Map(), apply }), "AETHER_BAD_PAYLOAD", /Map/],
      [
        () => shop.materialize("v", { channels: ["orders.a"], initial: undefined, apply }),
        "AETHER_BAD_OPTION",
        /state/,
      ],
      [
        () => shop.materialize("v", { channels: ["orders.a"], initial: 0, apply, snapshotEvery: 0 }),
        "AETHER_BAD_OPTION",
        /snapshotEvery/,
      ],
    ];
    for (const [ask, code, text] of refused) {
      const error = await ask().catch((reason: unknown) => reason);
      expect(error).toMatchObject({ code });
      expect(String(error)).toMatch(text);
    }
  });

  test("tells of a state that is no plain value any more, and goes on without a snapshot", async () => {
    const aether = await connect({ medium: remembering(), recorded: ["orders.>"] });
    const view = await aether.vibrator("shop").materialize("dates", {
      channels: ["orders.>"],
      initial: {} as { at?: unknown },
      apply: () => ({ at: new Map() }),
      snapshotEvery: 1,
    });
    const told: string[] = [];
    view.on("unsaved", ({ error }) => told.push(error.code));
    await view.reach((await aether.vibrator("till").emit("orders.a")).position ?? "");
    expect(told).toEqual(["AETHER_BAD_PAYLOAD"]);
    expect(await codeOf(view.snapshot())).toBe("AETHER_BAD_PAYLOAD");
  });

  test("leaves out sources that are not on the allow-list, and what is no wave, and tells", async () => {
    const medium = remembering();
    const aether = await connect({ medium, recorded: ["orders.>"] });
    const guarded = await connect({
      medium: altered(
        medium,
        steps((step) => [step.position === "3" ? { position: "3", malformed: true } : step]),
      ),
      allowedSources: ["counter", "till"],
    });
    const view = await count(guarded, (state) => state + 1);
    const told: unknown[] = [];
    view.on("skipped", ({ reason, position, wave }) => told.push([reason, position, wave?.source]));
    await aether.vibrator("till").emit("orders.a");
    await aether.vibrator("thief").emit("orders.b");
    await aether.vibrator("till").emit("orders.c");
    await view.reach((await aether.vibrator("till").emit("orders.d")).position ?? "");
    expect(view.state).toBe(2);
    expect(told).toEqual([
      ["unauthorised", "2", "thief"],
      ["malformed", "3", undefined],
    ]);
  });
});

describe("a snapshot that does not fit", () => {
  /** A medium with five waves, and a view with a snapshot at each of the last two. */
  async function shop(): Promise<Medium> {
    const medium = remembering();
    await using aether = await Aether.connect({ medium, recorded: ["orders.>"] });
    const view = await count(aether, (state) => state + 1);
    for (let n = 0; n < 5; n++) {
      await view.reach((await aether.vibrator("till").emit("orders.a")).position ?? "");
      await view.snapshot();
    }
    return medium;
  }

  /** The view over `medium`, how many waves it folded, and what it passed over. */
  async function opened(medium: Medium): Promise<readonly [number, number, readonly ViewFallback[]]> {
    const aether = await connect({ medium, recorded: ["orders.>"] });
    let folded = 0;
    const view = await count(aether, (state) => {
      folded++;
      return state + 1;
    });
    await view.ready;
    return [view.state, folded, view.fallbacks];
  }

  test("gives way to the one before it when it is damaged, and to the whole record when both are", async () => {
    const medium = await shop();
    const spoiled = (most: number): Medium =>
      altered(medium, ({ snapshots }) => ({
        snapshots: snapshots && {
          save: () => Promise.resolve(),
          async *load(name) {
            let left = most;
            for await (const loaded of snapshots.load(name)) {
              yield "error" in loaded || left-- <= 0
                ? loaded
                : { ...loaded, state: loaded.state.map((byte) => byte ^ 1) };
            }
          },
        },
      }));
    expect(await opened(medium)).toEqual([5, 0, []]);
    const bad = expect.objectContaining({ code: "AETHER_BAD_SNAPSHOT" });
    expect(await opened(spoiled(1))).toEqual([5, 1, [{ position: "5", error: bad }]]);
    const both = [
      { position: "5", error: bad },
      { position: "4", error: bad },
    ];
    expect(await opened(spoiled(2))).toEqual([5, 5, both]);
  });

  test("gives way to the whole record when its position is none of it, and tells", async () => {
    const medium = await shop();
    const bad = new AetherError("AETHER_BAD_POSITION", "of another record");
    const another = altered(medium, (recorder) => ({
      tail: (query, signal) => (query.after === undefined ? recorder.tail(query, signal) : Promise.reject(bad)),
    }));
    const fallbacks = [
      { position: "5", error: bad },
      { position: "4", error: bad },
    ];
    expect(await opened(another)).toEqual([5, 5, fallbacks]);
    const cut = altered(medium, () => ({ tail: () => Promise.reject(bad) }));
    expect(await codeOf(opened(cut)), "a record that has lost its first wave").toBe("AETHER_BAD_POSITION");
  });

  test("cannot be made of an old state: a snapshot that says another position is damaged", async () => {
    const medium = await shop();
    const moved = altered(medium, ({ snapshots }) => ({
      snapshots: snapshots && {
        save: () => Promise.resolve(),
        async *load(name) {
          for await (const loaded of snapshots.load(name)) {
            yield "error" in loaded ? loaded : { ...loaded, position: String(Number(loaded.position) - 1) };
          }
        },
      },
    }));
    const [state, folded, fallbacks] = await opened(moved);
    expect([state, folded, fallbacks.map(({ error }) => error.code)]).toEqual([
      5,
      5,
      ["AETHER_BAD_SNAPSHOT", "AETHER_BAD_SNAPSHOT"],
    ]);
  });
});
