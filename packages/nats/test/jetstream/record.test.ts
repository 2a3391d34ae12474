import { AetherError, band, type Wave } from "@aether/core";
import { faultProxy } from "@aether/testing";
import { jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { NatsOptions } from "../../src/index.ts";
import { recordBand } from "../../src/jetstream/record-band.ts";
import { NatsServer, VERSIONS } from "../nats-server.ts";
import { until } from "../until.ts";
import { done, ear, Hand, type Member, member, readAll, recordAll, waveOf, within } from "./members.ts";

const PATTERN = "orders.>";
/** Long enough for what must not happen to have happened. */
const LONGER_MS = 700;

function waves(count: number, prefix = "w", amplitude = 0.5, channel = "orders.created"): Wave[] {
  return Array.from({ length: count }, (_, at) => waveOf(`${prefix}${at}`, channel, amplitude));
}

function ids(list: readonly Wave[]): string[] {
  return list.map(({ id }) => id);
}

function pause(delayMs: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, delayMs));
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return "resolved";
  } catch (error) {
    return error instanceof AetherError ? error.code : String(error);
  }
}

describe.each(VERSIONS)("the record on JetStream %s", (version) => {
  let server: NatsServer;
  let namespace = "";
  let count = 0;
  let open: Member[] = [];

  beforeAll(async () => {
    server = await NatsServer.start({ version, jetstream: true });
  });
  afterAll(() => server[Symbol.asyncDispose]());
  beforeEach(() => {
    namespace = `test${count++}`;
  });
  afterEach(async () => {
    await Promise.all(open.map((one) => one[Symbol.asyncDispose]()));
    open = [];
  });

  async function joined(options: NatsOptions = {}, url: string = server.url): Promise<Member> {
    const one = await member(url, namespace, options);
    open.push(one);
    return one;
  }

  async function declared(options: NatsOptions = {}): Promise<Member> {
    const one = await joined(options);
    await one.recorder.declare([PATTERN]);
    return one;
  }

  async function manager(): Promise<Awaited<ReturnType<typeof jetstreamManager>> & AsyncDisposable> {
    const nc = await connect({ servers: server.url });
    return Object.assign(await jetstreamManager(nc), { [Symbol.asyncDispose]: () => nc.close() });
  }

  test("a wave that was recorded is handed to each group that follows its channel", async () => {
    const one = await declared();
    const beta = await new Hand("beta", PATTERN, 10, done).follow(one);
    const gamma = await new Hand("gamma", "orders.*", 10, done).follow(one);
    const other = await new Hand("other", "orders.deleted", 10, done).follow(one);
    await recordAll(one, waves(50));
    await until(() => beta.handed.length >= 50 && gamma.handed.length >= 50);
    expect(beta.ids).toEqual(gamma.ids);
    expect(new Set(beta.ids).size).toBe(50);
    expect(other.handed).toEqual([]);
  });

  test("a wave is in the hands of one member of a group at a time", async () => {
    const stream = { ackWaitMs: 400 };
    const [one, two] = [await declared({ stream }), await joined({ stream })];
    const first = await new Hand("beta", PATTERN, 20).follow(one);
    const second = await new Hand("beta", PATTERN, 20).follow(two);
    await recordAll(one, waves(30));
    await until(() => first.handed.length + second.handed.length >= 30);
    await pause(LONGER_MS);
    expect(new Set([...first.ids, ...second.ids]).size).toBe(30);
    expect(first.handed.length + second.handed.length).toBe(30);
    expect(Math.min(first.handed.length, second.handed.length)).toBeGreaterThan(0);
  });

  test("a group that comes back goes on where it was", async () => {
    const one = await declared();
    const before = await new Hand("beta", PATTERN, 100, done).follow(one);
    await recordAll(one, waves(10, "a"));
    await until(() => before.handed.length === 10);
    await before.following?.close();
    await recordAll(one, waves(10, "b"));
    const after = await new Hand("beta", PATTERN, 100, done).follow(await joined(), "start");
    await until(() => after.handed.length === 10);
    expect(after.ids).toEqual(ids(waves(10, "b")));
    expect(before.handed.length).toBe(10);
  });

  test("a group begins where it was told to", async () => {
    const one = await declared();
    const [, second] = await recordAll(one, waves(3, "a"));
    await pause(20);
    const time = new Date();
    await pause(20);
    await recordAll(one, waves(2, "b"));
    const started = await Promise.all([
      new Hand("new", PATTERN, 100, done).follow(one, "new"),
      new Hand("start", PATTERN, 100, done).follow(one, "start"),
      new Hand("position", PATTERN, 100, done).follow(one, { position: second ?? "" }),
      new Hand("time", PATTERN, 100, done).follow(one, { time }),
    ]);
    await recordAll(one, waves(1, "c"));
    await until(() => started.every(({ handed }) => handed.at(-1)?.wave.id === "c0"));
    expect(started.map((hand) => hand.ids)).toEqual([
      ["c0"],
      ["a0", "a1", "a2", "b0", "b1", "c0"],
      ["a1", "a2", "b0", "b1", "c0"],
      ["b0", "b1", "c0"],
    ]);
  });

  test("a wave that is given back comes again, not before its time", async () => {
    const one = await declared();
    const times: number[] = [];
    const hand = await new Hand("beta", PATTERN, 10, ({ custody }) => {
      times.push(performance.now());
      if (times.length === 1) {
        custody.giveBack(300);
      } else {
        void custody.done();
      }
    }).follow(one);
    await recordAll(one, waves(1));
    await until(() => hand.handed.length === 2);
    expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThan(280);
  });

  test("a wave whose holder dies comes again", async () => {
    const stream = { ackWaitMs: 400 };
    const proxy = await faultProxy(server.port);
    const one = await declared({ stream });
    const dead = await joined({ stream }, `nats://127.0.0.1:${proxy.port}`);
    const holder = await new Hand("beta", PATTERN, 10).follow(dead);
    await recordAll(one, waves(5));
    await until(() => holder.handed.length === 5);
    await proxy.close();
    const heir = await new Hand("beta", PATTERN, 10, done).follow(one);
    await until(() => heir.handed.length === 5);
    expect(new Set(heir.ids)).toEqual(new Set(holder.ids));
  });

  test("a wave that was done with does not come again", async () => {
    const stream = { ackWaitMs: 300 };
    const one = await declared({ stream });
    const hand = await new Hand("beta", PATTERN, 10).follow(one);
    await recordAll(one, waves(5));
    await until(() => hand.handed.length === 5);
    await Promise.all(hand.handed.map(({ custody }) => custody.done()));
    const again = await new Hand("beta", PATTERN, 10).follow(await joined({ stream }));
    await pause(LONGER_MS);
    expect([hand.handed.length, again.handed.length]).toEqual([5, 0]);
  });

  test("a wave that the server hands over again while it is in hand is not handed twice", async () => {
    const one = await declared({ stream: { ackWaitMs: 200 } });
    const hand = await new Hand("beta", PATTERN, 10).follow(one);
    await recordAll(one, waves(3));
    await until(() => hand.handed.length === 3);
    // A process that does not get to say that it is at work: the server takes it for dead.
    const blockedUntil = performance.now() + 600;
    while (performance.now() < blockedUntil) {}
    await pause(LONGER_MS);
    expect(hand.ids).toEqual(["w0", "w1", "w2"]);
    await using js = await manager();
    const redelivered: number[] = [];
    for await (const info of js.consumers.list(`${namespace}_waves`)) {
      redelivered.push(info.num_redelivered);
    }
    expect(Math.max(...redelivered), "the server has handed it over again").toBeGreaterThan(0);
    await Promise.all(hand.handed.map(({ custody }) => custody.done()));
    const [group] = await one.recorder.groups();
    expect(group?.pending).toBe(0);
  });

  test("a wave recorded twice under one id is kept once", async () => {
    const one = await declared();
    const [first, second] = await recordAll(one, [...waves(1), ...waves(1)]);
    const third = await (await joined()).recorder.record(waveOf("w0", "orders.created"), within(1000));
    expect([second, third]).toEqual([first, first]);
    expect((await readAll(one)).length).toBe(1);
  });

  test.each([1, 2, 3, 4, 7, 40])("a follower that wants %i is handed no more", async (room) => {
    const one = await declared();
    const list = Array.from({ length: 100 }, (_, at) => waveOf(`w${at}`, "orders.created", (at % 4) / 4));
    const hand = await new Hand("beta", PATTERN, room, ({ custody }) => {
      setTimeout(() => void custody.done(), 1);
    }).follow(one);
    await recordAll(one, list);
    await until(() => hand.handed.length >= 100);
    expect(new Set(hand.ids).size).toBe(100);
    expect(hand.handed.length).toBe(100);
    expect(hand.most).toBeLessThanOrEqual(room);
  });

  test("what is pulled is no more than is wanted", async () => {
    const one = await declared();
    const hand = await new Hand("beta", PATTERN, 32).follow(one);
    await recordAll(
      one,
      Array.from({ length: 400 }, (_, at) => waveOf(`w${at}`, "orders.created", (at % 4) / 4)),
    );
    await until(() => hand.handed.length === 32);
    await pause(100);
    await using js = await manager();
    let pulled = 0;
    for await (const info of js.consumers.list(`${namespace}_waves`)) {
      pulled += info.num_ack_pending;
    }
    expect(pulled).toBe(32);
  });

  test("a critical wave behind 20,000 bulk ones is among the first 300, and bulk is not left out", async () => {
    const one = await declared({ stream: { storage: "memory" } });
    await recordAll(one, waves(20_000, "bulk", 0.2));
    await recordAll(one, waves(1, "critical", 0.95));
    const hand = await new Hand("beta", PATTERN, 200, ({ custody }) => {
      setImmediate(() => void custody.done());
    }).follow(one, "start");
    await until(() => hand.handed.length > 2000);
    expect(hand.ids.indexOf("critical0")).toBeGreaterThanOrEqual(0);
    expect(hand.ids.indexOf("critical0")).toBeLessThan(300);
    await hand.following?.close();
  }, 120_000);

  test("a critical wave that comes while bulk is being handled overtakes it, also with room for one", async () => {
    const one = await declared();
    await recordAll(one, waves(2000, "bulk", 0.2));
    const hand = await new Hand("beta", PATTERN, 1, ({ custody }) => {
      setTimeout(() => void custody.done(), 1);
    }).follow(one, "start");
    await until(() => hand.handed.length > 100);
    await recordAll(one, waves(1, "critical", 0.95));
    const at = hand.handed.length;
    await until(() => hand.ids.includes("critical0"));
    expect(hand.ids.indexOf("critical0") - at).toBeLessThan(50);
    await hand.following?.close();
  });

  test("while loud waves pour in, quiet ones get their part", async () => {
    const one = await declared();
    await recordAll(one, [...waves(3000, "loud", 0.95), ...waves(900, "quiet", 0.1)]);
    const hand = await new Hand("beta", PATTERN, 16, ({ custody }) => {
      setImmediate(() => void custody.done());
    }).follow(one, "start");
    await until(() => hand.handed.length > 1800);
    const quiet = hand.ids.slice(0, 1800).filter((id) => id.startsWith("quiet")).length;
    expect(quiet).toBeGreaterThan(1800 / 9 / 2);
    expect(quiet).toBeLessThan((1800 / 9) * 2);
    await hand.following?.close();
  });

  test("waves of one channel and band come in order", async () => {
    const one = await declared();
    const list = Array.from({ length: 2000 }, (_, at) => waveOf(`w${at}`, "orders.created", (at % 8) / 8));
    const hand = await new Hand("beta", PATTERN, 50, ({ custody }) => setImmediate(() => void custody.done())).follow(
      one,
    );
    await recordAll(one, list);
    await until(() => hand.handed.length === 2000);
    for (let one = 0; one < 8; one++) {
      const inBand = (wave: Wave): boolean => band(wave.amplitude) === one;
      expect(ids(hand.handed.map(({ wave }) => wave).filter(inBand))).toEqual(ids(list.filter(inBand)));
    }
  });

  test("with one band a group gets its waves in the order of the record", async () => {
    const one = await declared({ stream: { bands: 1 } });
    await recordAll(
      one,
      Array.from({ length: 300 }, (_, at) => waveOf(`w${at}`, "orders.created", (at % 4) / 4)),
    );
    const hand = await new Hand("beta", PATTERN, 20, done).follow(one, "start");
    await until(() => hand.handed.length === 300);
    const positions = hand.handed.map(({ wave }) => wave.position ?? "");
    expect(positions).toEqual([...positions].sort());
    expect((await readAll(one)).map(({ position }) => position)).toEqual(positions);
  });

  test("a position is that of its wave, and positions grow", async () => {
    const one = await declared();
    const hand = await new Hand("beta", PATTERN, 100, done).follow(one);
    const positions: string[] = [];
    for (const wave of waves(50)) {
      positions.push(await one.recorder.record(wave, within(5000)));
    }
    await until(() => hand.handed.length === 50);
    expect(hand.handed.map(({ wave }) => wave.position)).toEqual(positions);
    expect(await readAll(one)).toMatchObject(positions.map((position, at) => ({ position, wave: { id: `w${at}` } })));
    expect(positions).toEqual([...new Set(positions)].sort());
  });

  test("what was recorded can be read again, by pattern, position, time and amplitude", async () => {
    const one = await declared();
    const early = await recordAll(one, waves(5, "a", 0.9));
    await pause(20);
    const time = new Date();
    await pause(20);
    const late = await recordAll(one, waves(5, "b", 0.3, "orders.deleted"));
    const read = async (query: Parameters<typeof readAll>[1]): Promise<string[]> =>
      ids((await readAll(one, query)).map(({ wave }) => wave));
    const [a, b] = [ids(waves(5, "a")), ids(waves(5, "b"))];
    expect(await read({})).toEqual([...a, ...b]);
    expect(await read({ pattern: "orders.deleted" })).toEqual(b);
    expect(await read({ pattern: "*.created" })).toEqual(a);
    expect(await read({ pattern: "stock.>" })).toEqual([]);
    expect(await read({ from: early[3], to: late[1] })).toEqual(["a3", "a4", "b0", "b1"]);
    expect(await read({ from: time })).toEqual(b);
    expect(await read({ to: time })).toEqual(a);
    expect(await read({ minAmplitude: 0.8 })).toEqual(a);
    expect(await read({ minAmplitude: 0.3 })).toEqual([...a, ...b]);
    expect(await read({ minAmplitude: 0.91 })).toEqual([]);
  });

  test("a long record is read with no more under way than is taken", async () => {
    const one = await declared();
    await recordAll(one, waves(3000));
    let taken = 0;
    for await (const { wave } of one.recorder.read({})) {
      expect(wave.id).toBe(`w${taken++}`);
      if (taken === 1500) {
        break;
      }
    }
    await using js = await manager();
    const left: string[] = [];
    for await (const info of js.consumers.list(`${namespace}_waves`)) {
      left.push(info.name);
    }
    expect(left, "readers that stopped are gone").toEqual([]);
  });

  test("what is declared by anybody is recorded for everybody", async () => {
    const all = await Promise.all([joined(), joined(), joined(), joined()]);
    const [first, ...others] = all;
    await pause(50);
    await first?.recorder.declare(["orders.>"]);
    expect(others.map(({ recorder }) => recorder.records("orders.created"))).toEqual([true, true, true]);
    const patterns = all.map((_, at) => `stock${at}.*`);
    await Promise.all(all.map(({ recorder }, at) => recorder.declare([patterns[at] ?? ""])));
    for (const { recorder } of [...all, await joined()]) {
      expect(patterns.map((pattern) => recorder.records(pattern))).toEqual([true, true, true, true]);
      expect(recorder.records("orders.>")).toBe(true);
      expect(recorder.records(">")).toBe(false);
    }
    await Promise.all(all.map((one, at) => recordAll(one, waves(3, `s${at}-`, 0.5, `stock${at}.low`))));
    expect((await readAll(await joined())).length).toBe(12);
  });

  test("patterns that overlap become one that covers both", async () => {
    const one = await declared();
    await one.recorder.declare(["*.created"]);
    await recordAll(one, [...waves(1, "a", 0.5, "orders.created"), ...waves(1, "b", 0.5, "stock.created")]);
    expect((await readAll(one)).length).toBe(2);
  });

  test("a wave on a channel that nobody follows is kept", async () => {
    const one = await declared();
    await recordAll(one, waves(1));
    expect((await readAll(one)).map(({ wave }) => wave.payload)).toEqual([{ id: "w0" }]);
  });

  test("those who only listen hear a recorded wave live", async () => {
    const [one, two] = [await declared(), await joined()];
    const heard: Wave[][] = [[], [], [], []];
    const [wide = [], later = [], watched = [], inside = []] = heard;
    await two.link.resonate(ear("wide", ">", wide));
    await two.link.resonate(ear("later", "stock.>", later));
    await two.link.resonate(ear("watch", "*.created", watched, true));
    const hand = await new Hand("inside", PATTERN, 100, done).follow(two);
    await two.link.resonate({ ...ear("inside", PATTERN, inside), presence: hand.presence });
    await one.recorder.declare(["stock.>"]);
    await recordAll(one, [...waves(20, "a", 0.95), ...waves(20, "b", 0.5, "stock.low")]);
    await until(() => wide.length === 40 && later.length === 20 && watched.length === 20);
    await pause(50);
    expect(heard.map(({ length }) => length)).toEqual([40, 20, 20, 0]);
  });

  test("groups can be listed and dropped", async () => {
    const one = await declared();
    const beta = await new Hand("beta & co.", PATTERN, 100, undefined, "a name").follow(one);
    await new Hand("gamma", PATTERN, 100, done).follow(one);
    expect((await one.recorder.groups()).map(({ position }) => position)).toEqual([undefined, undefined]);
    const positions = await recordAll(one, waves(4));
    await until(() => beta.handed.length === 4);
    await beta.handed[0]?.custody.done();
    await beta.handed[1]?.custody.done();
    const groups = [...(await one.recorder.groups())].sort((a, b) => a.pending - b.pending);
    expect(groups).toEqual([
      { group: "gamma", name: PATTERN, pattern: PATTERN, position: positions[3], pending: 0 },
      { group: "beta & co.", name: "a name", pattern: PATTERN, position: positions[1], pending: 2 },
    ]);
    await beta.following?.close();
    await one.recorder.drop("beta & co.", "a name");
    expect((await one.recorder.groups()).map(({ group }) => group)).toEqual(["gamma"]);
  });

  test("a group that is dropped while somebody follows goes on with what comes then", async () => {
    const one = await declared();
    const hand = await new Hand("beta", PATTERN, 2).follow(one);
    await recordAll(one, waves(5, "a"));
    await until(() => hand.handed.length === 2);
    await one.recorder.drop("beta", PATTERN);
    await until(() => hand.handed.length === 2);
    await Promise.all(hand.handed.map(({ custody }) => custody.done()));
    await pause(300);
    await recordAll(one, waves(1, "b"));
    await until(() => hand.ids.includes("b0"));
    expect(hand.ids).toEqual(["a0", "a1", "b0"]);
  });

  test("what was stored by a plain client is a wave, and what is none is counted and passed over", async () => {
    const one = await declared();
    const hand = await new Hand("beta", PATTERN, 10, done).follow(one);
    const nc = await connect({ servers: server.url });
    nc.publish(`${namespace}.r.3.orders.created`, JSON.stringify({ plain: true }));
    nc.publish(`${namespace}.r.3.orders.created`, Buffer.from("ae5701ffff", "hex"));
    nc.publish(`${namespace}.r.7.orders.created`, "in no band");
    await nc.flush();
    await recordAll(one, waves(1));
    await until(() => hand.handed.length === 2 && hand.malformedCount === 1);
    expect(hand.handed.find(({ wave }) => wave.id !== "w0")?.wave).toMatchObject({
      payload: { plain: true },
      amplitude: 0.875,
    });
    expect(await readAll(one)).toHaveLength(2);
    await nc.close();
  });

  test("a stream that was deleted is another record: its positions are refused, and who follows goes on in it", async () => {
    const one = await declared();
    const hand = await new Hand("beta", PATTERN, 10, done).follow(one);
    const [old = ""] = await recordAll(one, waves(3, "a"));
    await until(() => hand.handed.length === 3);
    await using js = await manager();
    await js.streams.delete(`${namespace}_waves`);
    const [fresh = ""] = await recordAll(one, waves(3, "b"));
    expect(fresh.split("-")[0]).not.toBe(old.split("-")[0]);
    expect(fresh > old).toBe(true);
    await until(() => hand.handed.length === 6);
    expect(await codeOf(readAll(one, { from: old }))).toBe("AETHER_BAD_POSITION");
    expect(await codeOf(new Hand("gamma", PATTERN, 1).follow(one, { position: old }))).toBe("AETHER_BAD_POSITION");
    await expect(readAll(one, { from: old })).rejects.toThrow("deleted and made anew");
    expect((await readAll(one, { from: fresh })).length).toBe(3);
    const ahead = `${fresh.slice(0, -2)}zz`;
    await expect(readAll(one, { from: ahead })).rejects.toThrow("where the record ends");
    expect(await codeOf(readAll(one, { from: "nonsense" }))).toBe("AETHER_BAD_OPTION");
  });

  test("a position whose wave was forgotten is refused where waves are wanted from there on", async () => {
    const one = await declared();
    const positions = await recordAll(one, waves(5));
    await using js = await manager();
    await js.streams.purge(`${namespace}_waves`, { seq: 4 });
    const [first, , , kept] = positions;
    const gone = { code: "AETHER_BAD_POSITION", details: { reason: "gone", got: first } };
    await expect(readAll(one, { from: first })).rejects.toMatchObject(gone);
    await expect(new Hand("gamma", PATTERN, 1).follow(one, { position: first ?? "" })).rejects.toMatchObject(gone);
    expect(await readAll(one, { from: kept })).toHaveLength(2);
    expect(await readAll(one, { to: first })).toEqual([]);
    expect(await readAll(one)).toHaveLength(2);
  });

  test.each([
    [null, "AETHER_BAD_OPTION"],
    [{ since: 1 }, "AETHER_BAD_OPTION"],
    [{ from: 5 }, "AETHER_BAD_OPTION"],
    [{ to: new Date(Number.NaN) }, "AETHER_BAD_OPTION"],
    [{ pattern: "a..b" }, "AETHER_BAD_CHANNEL"],
    [{ minAmplitude: 9 }, "AETHER_BAD_OPTION"],
  ])("what is no query is refused: %j", async (query, code) => {
    const one = await declared();
    await recordAll(one, waves(1));
    const reading = async (): Promise<void> => {
      for await (const _ of Reflect.apply(one.recorder.read, one.recorder, [query])) {
        throw new Error("Expected nothing to be read");
      }
    };
    expect(await codeOf(reading())).toBe(code);
  });

  test("a stream that was deleted is made again by who only emits", async () => {
    const one = await declared();
    await using js = await manager();
    await js.streams.delete(`${namespace}_waves`);
    await recordAll(one, waves(3));
    expect(await readAll(one)).toHaveLength(3);
  });

  test("an emit that may outlast half the duplicate window is refused", async () => {
    const one = await declared({ stream: { duplicateWindowMs: 2000 } });
    expect(await codeOf(one.recorder.record(waveOf("w", "orders.created"), within(1500)))).toBe("AETHER_BAD_OPTION");
    expect(await codeOf(one.recorder.record(waveOf("w", "orders.created"), within(900)))).toBe("resolved");
  });

  test("a payload that no message can hold is refused", async () => {
    const one = await declared();
    const large = waveOf("w", "orders.created", 0.5, { payload: "x".repeat(1024 * 1024) });
    expect(await codeOf(one.recorder.record(large, within(1000)))).toBe("AETHER_TOO_LARGE");
  });

  test("options that differ from the stream's are refused, options that are left out follow it", async () => {
    await declared({ stream: { bands: 1, maxAgeMs: 3_600_000, storage: "memory" } });
    for (const stream of [{ bands: 4 }, { storage: "file" }, { maxAgeMs: 4_000_000 }] as const) {
      const other = await joined({ stream });
      expect(await codeOf(other.recorder.declare([PATTERN]))).toBe("AETHER_UNSUPPORTED");
    }
    const follows = await joined();
    await follows.recorder.declare(["stock.>"]);
    await new Hand("beta", PATTERN, 10, done).follow(follows);
    await using js = await manager();
    let places = 0;
    for await (const _ of js.consumers.list(`${namespace}_waves`)) {
      places++;
    }
    expect(places).toBe(1);
  });

  test("more replicas than the server has are refused with its words", async () => {
    const one = await joined({ stream: { replicas: 3 } });
    await expect(one.recorder.declare([PATTERN])).rejects.toThrow(/replicas > 1 not supported/);
  });

  test("a wave is recorded in the band of its amplitude, under its id", async () => {
    const one = await declared();
    await recordAll(one, [waveOf("a b\r\nc", "orders.created", 0.8)]);
    await using js = await manager();
    const stored = await js.streams.getMessage(`${namespace}_waves`, { seq: 1 });
    expect(stored?.subject).toBe(`${namespace}.r.3.orders.created`);
    expect(stored?.header.get("Nats-Msg-Id")).toBe("a=0020b=000d=000ac");
    expect([0, 0.24, 0.25, 0.5, 0.75, 1].map(recordBand)).toEqual([0, 0, 1, 2, 3, 3]);
  });
});

describe.each(VERSIONS)("a server %s that keeps no streams", (version) => {
  test("carries waves, and refuses what is declared with what to do", async () => {
    await using server = await NatsServer.start({ version });
    await using one = await member(server.url, "none");
    expect(one.recorder.records(PATTERN)).toBe(false);
    await expect(one.recorder.declare([PATTERN])).rejects.toThrow(/nats-server -js/);
    expect(await codeOf(one.recorder.declare([PATTERN]))).toBe("AETHER_UNSUPPORTED");
  });
});
