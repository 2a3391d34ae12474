import { type Aether, DEAD_HEADERS, type DeadLetter, inProcess, UnrecoverableError, type Wave } from "@aether/core";
import { describe, expect, test } from "vitest";
import { connect } from "./connect.ts";
import { turns } from "./manual-clock.ts";

const broken = (): never => {
  throw new Error("broken\r\nin two lines");
};

async function lettersOf(aether: Aether): Promise<readonly DeadLetter[]> {
  const letters: DeadLetter[] = [];
  for await (const letter of aether.deadLetters.list()) {
    letters.push(letter);
  }
  return letters;
}

/** Resonates on `pattern` and writes down what comes. */
async function listen(aether: Aether, pattern: string, name = "watch"): Promise<Wave[]> {
  const heard: Wave[] = [];
  await aether.vibrator(name).resonateOn(pattern, (wave) => {
    heard.push(wave);
  });
  return heard;
}

describe("a dead letter is heard as a wave", () => {
  test.each(["event", "broadcast", "command"] as const)("on $dead.<channel>, for a failed %s", async (kind) => {
    const aether = await connect();
    const heard = await listen(aether, "$dead.orders.*");
    const beta = aether.vibrator("beta");
    await beta.resonateOn("orders.*", broken, { name: "bill", group: "billing" });
    const alpha = aether.vibrator("alpha");
    const { id } = await alpha.emit("orders.created", { a: 1 }, { kind, key: "k", headers: { tenant: "t" } });
    await turns();
    const [letter] = await lettersOf(aether);
    expect(heard).toHaveLength(1);
    expect(heard[0]).toMatchObject({
      channel: "$dead.orders.created",
      kind: "event",
      payload: { a: 1 },
      source: "beta",
      sourceId: beta.id,
      cause: id,
      trace: id,
      key: "k",
    });
    expect(heard[0]?.id).not.toBe(id);
    expect(heard[0]?.headers).toEqual({
      tenant: "t",
      [DEAD_HEADERS.letter]: letter?.id,
      [DEAD_HEADERS.code]: "AETHER_HANDLER_FAILED",
      [DEAD_HEADERS.message]: "broken  in two lines",
      [DEAD_HEADERS.attempts]: "1",
      [DEAD_HEADERS.group]: "billing",
      [DEAD_HEADERS.name]: "bill",
      [DEAD_HEADERS.source]: "alpha",
    });
  });

  test("by whoever resonates there, on any aether of the medium, and by observers", async () => {
    const medium = inProcess();
    const [one, other] = await Promise.all([connect({ medium }), connect({ medium })]);
    const heard = await listen(other, "$dead.>");
    const seen: string[] = [];
    await other.observe("$dead.>", ({ channel }) => void seen.push(channel));
    await one.vibrator("beta").resonateOn("a.b", broken);
    await one.vibrator("alpha").emit("a.b");
    await turns();
    expect([heard.map(({ channel }) => channel), seen]).toEqual([["$dead.a.b"], ["$dead.a.b"]]);
  });

  test("and the letter that it names can be emitted again", async () => {
    const aether = await connect();
    let works = false;
    const handled: unknown[] = [];
    await aether.vibrator("beta").resonateOn("a", ({ payload }) => {
      if (!works) {
        throw new UnrecoverableError("no");
      }
      handled.push(payload);
    });
    await aether.vibrator("mender").resonateOn("$dead.a", async ({ headers }) => {
      works = true;
      await aether.deadLetters.reemit(headers[DEAD_HEADERS.letter] ?? "", { payload: "mended" });
    });
    await aether.vibrator("alpha").emit("a", "bad");
    await turns();
    await turns();
    expect([handled, await lettersOf(aether)]).toEqual([["mended"], []]);
  });
});

describe("nobody is handed the failures of others unasked", () => {
  test.each([">", "*.*.*"])("a resonance on %s hears none", async (pattern) => {
    const aether = await connect();
    const heard = await listen(aether, pattern);
    const asked = await listen(aether, "$dead.>", "asked");
    await aether.vibrator("beta").resonateOn("a.b", broken);
    await aether.vibrator("alpha").emit("a.b");
    await turns();
    expect(asked).toHaveLength(1);
    expect(heard.filter(({ channel }) => channel.startsWith("$"))).toEqual([]);
    const { received, delivered } = aether.stats();
    expect(received).toBe(delivered);
  });

  test("observers of > see none", async () => {
    const aether = await connect();
    const seen: string[] = [];
    await aether.observe(">", ({ channel }) => void seen.push(channel));
    await aether.vibrator("beta").resonateOn("a", broken);
    await aether.vibrator("alpha").emit("a");
    await turns();
    expect(seen).toEqual(["a"]);
  });
});

test("a notice that fails leaves no letter, and so no notice of its own", async () => {
  const aether = await connect();
  let runs = 0;
  await aether.vibrator("watch").resonateOn("$dead.>", () => {
    runs++;
    throw new Error("worse");
  });
  await aether.vibrator("beta").resonateOn("a", broken);
  await aether.vibrator("alpha").emit("a");
  await turns();
  expect([runs, (await lettersOf(aether)).length]).toEqual([1, 1]);
});

test("headers that leave no room give way to what is known of the failure", async () => {
  const aether = await connect();
  const heard = await listen(aether, "$dead.a");
  await aether.vibrator("beta").resonateOn("a", broken);
  await aether.vibrator("alpha").emit("a", 1, { headers: { long: "x".repeat(8000) } });
  await turns();
  expect(Object.keys(heard[0]?.headers ?? {}).sort()).toEqual(Object.values(DEAD_HEADERS).sort());
});

test("where no letters are kept, none are told of", async () => {
  const aether = await connect({ deadLetters: false });
  const heard = await listen(aether, "$dead.>");
  await aether.vibrator("beta").resonateOn("a", broken);
  await aether.vibrator("alpha").emit("a");
  await turns();
  expect(heard).toEqual([]);
});

test("a channel that begins with $ cannot be emitted on", async () => {
  const aether = await connect();
  await expect(aether.vibrator("alpha").emit("$dead.a")).rejects.toMatchObject({ code: "AETHER_BAD_CHANNEL" });
});
