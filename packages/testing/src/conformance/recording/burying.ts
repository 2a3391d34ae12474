/** What becomes of waves that failed for good, where the recorder keeps dead letters. */

import assert from "node:assert/strict";
import type { DeadLetter, DeadLetterPurge, DeadLetterQuery, DeadLetterStore, NewDeadLetter, Wave } from "@aether/core";
import type { Line } from "../stage.ts";
import type { RecorderGuarantee, RecordStage } from "./record-stage.ts";

const FIRST_AT = 1_700_000_000_000;

/** What a test says of a letter; the rest is ordinary. */
type Said = Partial<Omit<NewDeadLetter, "wave">>;

/** The letters of one test, of channels of its own. */
class Letters {
  readonly #stage: RecordStage;
  readonly #store: (line: Line) => DeadLetterStore;
  /** When the next letter failed. */
  #at = FIRST_AT;

  constructor(stage: RecordStage, store: (line: Line) => DeadLetterStore) {
    this.#stage = stage;
    this.#store = store;
  }

  /** A letter of `wave`, each a second after the one before. */
  of(wave: Wave, said: Said = {}): NewDeadLetter {
    this.#at += 1000;
    return {
      wave,
      error: { code: "AETHER_HANDLER_FAILED", message: "broken", stack: undefined },
      attempts: 3,
      group: "beta",
      name: "orders.*",
      instance: "beta-1",
      origin: { source: wave.source, sourceId: wave.sourceId },
      at: this.#at,
      ...said,
    };
  }

  async add(letter: NewDeadLetter, line: Line = this.#stage.near): Promise<string> {
    return await this.within(this.#store(line).add(letter), "a letter is kept");
  }

  /** Adds a letter for each of `waves`, one after the other; their ids. */
  async addAll(waves: readonly Wave[]): Promise<readonly string[]> {
    const ids: string[] = [];
    for (const wave of waves) {
      ids.push(await this.add(this.of(wave)));
    }
    return ids;
  }

  async list(query: DeadLetterQuery = {}, line: Line = this.#stage.far): Promise<readonly DeadLetter[]> {
    const found: DeadLetter[] = [];
    const listing = async (): Promise<void> => {
      for await (const letter of this.#store(line).list({ pattern: this.#stage.at(">"), ...query })) {
        found.push(letter);
      }
    };
    await this.within(listing(), "letters are listed");
    return found;
  }

  async ids(query: DeadLetterQuery = {}, line: Line = this.#stage.far): Promise<readonly string[]> {
    return (await this.list(query, line)).map(({ id }) => id);
  }

  async take(id: string, line: Line = this.#stage.near): Promise<DeadLetter | undefined> {
    return await this.within(this.#store(line).take(id), "a letter is taken, or not");
  }

  async forget(id: string, line: Line = this.#stage.near): Promise<void> {
    await this.within(this.#store(line).forget(id), "a letter is forgotten");
  }

  async putBack(id: string, line: Line = this.#stage.near): Promise<void> {
    await this.within(this.#store(line).putBack(id), "a letter is put back");
  }

  async purge(which: DeadLetterPurge, line: Line = this.#stage.near): Promise<number> {
    const purging = this.#store(line).purge({ pattern: this.#stage.at(">"), ...which });
    return await this.within(purging, "letters are purged");
  }

  async stats(line: Line = this.#stage.far) {
    return await this.within(this.#store(line).stats(), "letters are counted");
  }

  async within<T>(promise: Promise<T>, what: string): Promise<T> {
    return await this.#stage.within(promise, what);
  }
}

/** A guarantee of recorders that keep dead letters; of others it asks nothing. */
function burying(name: string, check: (stage: RecordStage, letters: Letters) => Promise<void>): RecorderGuarantee {
  return {
    name,
    async check(stage) {
      const store = (line: Line): DeadLetterStore => {
        const { deadLetters } = stage.recorder(line);
        assert.ok(deadLetters, "Expected each link to keep dead letters, as another one does");
        return deadLetters;
      };
      const { near, far } = stage;
      if ([near, far].some((line) => stage.recorder(line).deadLetters !== undefined)) {
        await check(stage, new Letters(stage, store));
      }
    },
  };
}

/** What must be the same of a letter that was kept. */
function factsOf({ wave, error, attempts, group, name, instance, origin, at }: NewDeadLetter): unknown {
  const { id, channel, kind, payload, amplitude, halfLifeMs, hops, cause, trace, key, headers, position } = wave;
  return {
    wave: {
      id,
      channel,
      kind,
      payload,
      amplitude,
      halfLifeMs,
      hops,
      cause,
      trace,
      key,
      headers: { ...headers },
      position,
    },
    error: { code: error.code, message: error.message, stack: error.stack },
    ...{ attempts, group, name, instance, origin: { ...origin }, at },
  };
}

export const buryings: readonly RecorderGuarantee[] = [
  burying("a dead letter is seen from everywhere, with all that is known of it", async (stage, letters) => {
    const extras = { key: "k", headers: { tenant: "t" }, position: "7" };
    const init = { amplitude: 0.7, hops: 3, cause: "the-cause", trace: "the-trace", extras } as const;
    const wave = stage.wave(stage.at("orders.created"), { ...init, payload: { orderId: "1", lines: [1, "ü"] } });
    const error = {
      code: "AETHER_HANDLER_TIMEOUT",
      message: "too late: ü",
      stack: "Error: too late\n    at x",
    } as const;
    const letter = letters.of(wave, { error, attempts: 10, group: "g p", name: "a.*", instance: "beta-2" });
    const id = await letters.add(letter);
    for (const line of [stage.near, stage.far]) {
      const [found, ...more] = await letters.list({}, line);
      assert.ok(found && more.length === 0, `Expected one letter, got ${more.length + (found ? 1 : 0)}`);
      assert.deepEqual(factsOf(found), factsOf(letter), "a letter that was kept");
      assert.equal(found.id, id);
    }
  }),
  burying("a dead letter outlives the link that kept it", async (stage, letters) => {
    const line = await stage.stage.line();
    const ids = [
      await letters.add(letters.of(stage.wave(stage.at("orders"))), line),
      await letters.add(letters.of(stage.wave(stage.at("orders"))), line),
    ];
    await letters.take(ids[0] ?? "", line);
    await letters.putBack(ids[0] ?? "", line);
    await stage.within(line.close(), "a link closes");
    const later = await stage.stage.line();
    assert.deepEqual(await letters.ids({}, later), ids, "letters that are there after their link has closed");
    assert.equal((await letters.take(ids[0] ?? "", later))?.id, ids[0], "a letter that is taken by another link");
  }),
  burying("a wave that fails again at the same resonance leaves one letter", async (stage, letters) => {
    const [wave, other] = stage.waves(2, stage.at("orders"));
    assert.ok(wave && other);
    const id = await letters.add(letters.of(wave));
    const again = await letters.add(letters.of(wave, { instance: "beta-2", attempts: 5 }), stage.far);
    assert.equal(again, id, "the id of the letter of a wave that has failed before");
    const more = [
      await letters.add(letters.of(wave, { group: "gamma" })),
      await letters.add(letters.of(wave, { name: "orders.created" })),
      await letters.add(letters.of(other)),
    ];
    const found = await letters.list();
    assert.deepEqual(found.map((letter) => letter.id).sort(), [id, ...more].sort(), "letters that are there");
    assert.equal(found.find((letter) => letter.id === id)?.attempts, 3, "attempts of the letter that was first");
  }),
  burying("a letter whose payload cannot be written is kept without it", async (stage, letters) => {
    const payload: Record<string, unknown> = { orderId: "1", function: () => undefined };
    payload["self"] = payload;
    const id = await letters.add(letters.of(stage.wave(stage.at("orders"), { payload })));
    const [found] = await letters.list();
    assert.ok(found, "Expected a letter whose payload cannot be written to be kept");
    assert.deepEqual([found.id, found.wave.payload], [id, undefined]);
  }),
  burying("dead letters are listed oldest first, by pattern and limit", async (stage, letters) => {
    const channels = ["orders.created", "payments", "orders.paid", "orders.created"];
    const waves = channels.map((channel, i) => stage.wave(stage.at(channel), { amplitude: 0.9 - i / 5 }));
    const ids = await letters.addAll(waves);
    const at = (...places: readonly number[]) => places.map((place) => ids[place]);
    const queries: readonly (readonly [DeadLetterQuery, readonly (string | undefined)[]])[] = [
      [{}, ids],
      [{ limit: 2 }, at(0, 1)],
      [{ pattern: stage.at("orders.*") }, at(0, 2, 3)],
      [{ pattern: stage.at("orders.created") }, at(0, 3)],
      [{ pattern: stage.at("orders.*"), limit: 2 }, at(0, 2)],
      [{ pattern: stage.at("nothing") }, []],
    ];
    for (const [query, expected] of queries) {
      assert.deepEqual(await letters.ids(query), expected, `what is listed by ${JSON.stringify(query)}`);
    }
    const all: string[] = [];
    for await (const { id } of stage.recorder(stage.near).deadLetters?.list({}) ?? []) {
      all.push(id);
    }
    assert.deepEqual(
      all.filter((id) => ids.includes(id)),
      ids,
      "what is listed when nothing is asked for",
    );
  }),
  burying("a dead letter is taken by one at a time, and can be put back", async (stage, letters) => {
    const { near, far } = stage;
    const [id = "", other = ""] = await letters.addAll(stage.waves(2, stage.at("orders")));
    for (let round = 0; round < 5; round++) {
      const lines = [near, far, near, far];
      const taken = await Promise.all(lines.map((line) => letters.take(id, line)));
      const winners = taken.filter((letter) => letter !== undefined);
      const winner = lines[taken.findIndex((letter) => letter !== undefined)] ?? near;
      assert.equal(winners.length, 1, `how many of four took a letter at once, in round ${round}`);
      assert.equal(winners[0]?.id, id);
      assert.equal(await letters.take(id, far), undefined, "a letter that somebody has");
      await letters.putBack(id, winner);
    }
    assert.equal((await letters.take(other, far))?.id, other, "another letter, which nobody has");
    assert.equal(await letters.take("none-such"), undefined, "a letter that never was");
    assert.equal(await letters.take("*"), undefined, "a letter that never was");
    assert.deepEqual(await letters.ids(), [id, other], "letters after one was put back");
  }),
  burying("a dead letter that was forgotten is gone for good", async (stage, letters) => {
    const [gone = "", stays = ""] = await letters.addAll(stage.waves(2, stage.at("orders")));
    await letters.take(gone);
    await letters.forget(gone);
    await letters.putBack(gone);
    assert.equal(await letters.take(gone, stage.far), undefined, "a letter that was forgotten");
    assert.deepEqual(await letters.ids(), [stays], "letters after one was forgotten");
  }),
  burying("dead letters are purged by pattern, id and time", async (stage, letters) => {
    const channels = ["orders.created", "payments", "orders.paid", "orders.created", "stock"];
    const ids = await letters.addAll(channels.map((channel) => stage.wave(stage.at(channel))));
    const found = await letters.list();
    const left = (...places: readonly number[]) => places.map((place) => ids[place]);
    const [third] = found.slice(2);
    assert.ok(third);
    const steps: readonly (readonly [DeadLetterPurge, number, readonly (string | undefined)[]])[] = [
      [{ pattern: stage.at("nothing") }, 0, ids],
      [{ id: "none-such" }, 0, ids],
      [{ id: ids[1], before: FIRST_AT }, 0, ids],
      [{ id: ids[1] }, 1, left(0, 2, 3, 4)],
      [{ before: third.at }, 1, left(2, 3, 4)],
      [{ pattern: stage.at("orders.*"), before: third.at + 1 }, 1, left(3, 4)],
      [{ pattern: stage.at("orders.*") }, 1, left(4)],
      [{}, 1, []],
    ];
    for (const [which, count, rest] of steps) {
      assert.equal(await letters.purge(which), count, `how many are purged by ${JSON.stringify(which)}`);
      assert.deepEqual(await letters.ids(), rest, `what is left by a purge of ${JSON.stringify(which)}`);
    }
  }),
  burying("dead letters are counted wherever they enter and leave", async (stage, letters) => {
    const before = await letters.stats();
    const waves = stage.waves(5, stage.at("orders"));
    const ids = await letters.addAll(waves);
    const [first, second, third] = waves;
    assert.ok(first && second && third);
    await letters.add(letters.of(first), stage.far); // It is there already.
    await letters.take(ids[0] ?? "");
    await letters.forget(ids[0] ?? "");
    await letters.take(ids[1] ?? "");
    await letters.putBack(ids[1] ?? "");
    await letters.purge({ id: ids[2] }, stage.far);
    for (const line of [stage.near, stage.far]) {
      const { entered, kept, evicted, reemitted, purged } = await letters.stats(line);
      const counts = [
        ...[entered - before.entered, kept - before.kept, evicted - before.evicted],
        ...[reemitted - before.reemitted, purged - before.purged],
      ];
      assert.deepEqual(counts, [5, 3, 0, 1, 1], "letters that entered, are kept, were evicted, re-emitted and purged");
      assert.equal(entered, kept + evicted + reemitted + purged, "the sum of what became of letters");
    }
  }),
];
