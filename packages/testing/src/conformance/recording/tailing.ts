/** How the record is followed in its order, by whoever makes something of all of it. */

import assert from "node:assert/strict";
import { AetherError, type TailQuery, type TailStep, type Wave } from "@aether/core";
import type { Line } from "../stage.ts";
import type { RecorderGuarantee, RecordStage } from "./record-stage.ts";

/** Waves that no recorder should read ahead. */
const MANY = 600;

/** One way along the record, and all it was given. */
class Walk {
  readonly steps: TailStep[] = [];
  isOver = false;
  /** What it ended by. */
  failure: unknown;
  readonly #stage: RecordStage;
  readonly #abort = new AbortController();
  readonly #iterator: AsyncIterator<TailStep>;

  // biome-ignore lint/style/useConsistentMemberAccessibility: a constructor cannot be named #private
  private constructor(stage: RecordStage, steps: (signal: AbortSignal) => Promise<AsyncIterable<TailStep>>) {
    this.#stage = stage;
    const { signal } = this.#abort;
    this.#iterator = (async function* () {
      yield* await steps(signal);
    })();
  }

  /** Walks on until {@link end}. */
  static on(stage: RecordStage, query: TailQuery, line: Line = stage.near): Walk {
    const walk = Walk.idle(stage, query, line);
    void walk.walk();
    return walk;
  }

  /** Takes nothing until it is told to. */
  static idle(stage: RecordStage, query: TailQuery, line: Line = stage.near): Walk {
    return new Walk(stage, (signal) => stage.recorder(line).tail(query, signal));
  }

  async walk(): Promise<void> {
    try {
      while (await this.step()) {
        // What was given is kept.
      }
    } catch (error) {
      this.failure = error;
      this.isOver = true;
    }
  }

  /** Takes one step; false: there is none. */
  async step(): Promise<boolean> {
    const { value, done } = await this.#iterator.next();
    this.isOver = done === true;
    if (!this.isOver) {
      this.steps.push(value);
    }
    return !this.isOver;
  }

  get ids(): readonly string[] {
    return this.steps.flatMap(({ wave }) => (wave === undefined ? [] : [wave.id]));
  }

  /** Holds when it is given exactly `waves`, in this order. */
  async gives(waves: readonly Wave[]): Promise<void> {
    await this.#stage.until(
      () => this.ids.length >= waves.length || this.failure !== undefined,
      () => `a tail gives ${waves.length} waves, and gave ${this.ids.length}`,
    );
    const ids = waves.map(({ id }) => id);
    assert.deepEqual(this.ids, ids, `the waves that a tail gave, which ended by ${String(this.failure)}`);
  }

  async end(): Promise<void> {
    this.#abort.abort();
    await this.#stage.until(
      () => this.isOver,
      () => "a tail ends when its signal aborts",
    );
  }
}

export const tailing: readonly RecorderGuarantee[] = [
  {
    name: "a tail gives each wave once, in the order of the record, and goes on with what comes",
    async check(stage) {
      const channel = stage.at("orders");
      const waves = Array.from({ length: 24 }, (_, i) => stage.wave(channel, { amplitude: ((i * 7) % 10) / 10 }));
      await stage.recordAll(waves.slice(0, 12));
      const walks = [Walk.on(stage, { patterns: [channel] }), Walk.on(stage, { patterns: [channel] }, stage.far)];
      await Promise.all(walks.map((walk) => walk.gives(waves.slice(0, 12))));
      const positions: string[] = [];
      for (const [i, wave] of waves.slice(12).entries()) {
        positions.push(await stage.record(wave, i % 2 === 0 ? stage.near : stage.far));
      }
      await stage.record(waves[3] ?? stage.wave(channel));
      const last = stage.wave(channel);
      await stage.record(last);
      for (const walk of walks) {
        await walk.gives([...waves, last]);
        const told = walk.steps.filter(({ wave }) => wave !== undefined).map(({ position }) => position);
        assert.deepEqual(told.slice(12, 24), positions, "positions of steps");
        assert.deepEqual(walk.steps.find(({ wave }) => wave?.id === last.id)?.wave?.payload, last.payload);
        await walk.end();
      }
    },
  },
  {
    name: "a tail begins after the position that it is told",
    async check(stage) {
      const channel = stage.at("orders");
      const waves = stage.waves(5, channel);
      const positions = await stage.recordAll(waves);
      const last = stage.wave(channel);
      const walks = positions.map((after) => Walk.on(stage, { patterns: [channel], after }));
      await stage.record(last);
      for (const [i, walk] of walks.entries()) {
        await walk.gives([...waves.slice(i + 1), last]);
        await walk.end();
      }
    },
  },
  {
    name: "a tail takes several patterns in one order",
    async check(stage) {
      const channels = ["orders.created", "payments", "stock.lamp", "orders.paid", "nothing"];
      const waves = Array.from({ length: 20 }, (_, i) => stage.wave(stage.at(channels[(i * 3) % 5] ?? "")));
      const patterns = [stage.at("payments"), stage.at("orders.*"), stage.at("orders.created"), stage.at("stock.>")];
      const asked = waves.filter(({ channel }) => channel !== stage.at("nothing"));
      await stage.recordAll(waves.slice(0, 10));
      const walk = Walk.on(stage, { patterns });
      await stage.recordAll(waves.slice(10));
      await walk.gives(asked);
      await walk.end();
    },
  },
  {
    name: "a tail waits for whoever reads it",
    async check(stage) {
      const channel = stage.at("orders");
      const walk = Walk.idle(stage, { patterns: [channel] });
      const waves = stage.waves(MANY, channel);
      const [first] = waves;
      assert.ok(first);
      await stage.record(first);
      await stage.within(walk.step(), "a tail gives a wave");
      await Promise.all(waves.slice(1).map((wave) => stage.record(wave)));
      await stage.record(stage.wave(stage.at("payments")));
      void walk.walk();
      await stage.until(
        () => walk.ids.length >= MANY,
        () => `a tail gives ${MANY} waves that nobody took at first, and gave ${walk.ids.length}`,
      );
      assert.deepEqual([...walk.ids].sort(), waves.map(({ id }) => id).sort(), "waves that a tail gave");
      await walk.end();
    },
  },
  {
    name: "a tail tells how far it has come where nothing is asked for",
    async check(stage) {
      const channel = stage.at("orders");
      const walk = Walk.on(stage, { patterns: [channel] });
      const recorder = stage.recorder(stage.near);
      const [wave] = stage.waves(1, channel);
      assert.ok(wave);
      await stage.record(wave);
      await walk.gives([wave]);
      for (const other of stage.waves(3, stage.at("payments"))) {
        const position = await stage.record(other);
        await stage.until(
          () => walk.steps.some((step) => recorder.compare(step.position, position) >= 0),
          () => "a tail tells that it has passed a wave that it was not asked for",
        );
      }
      assert.deepEqual(walk.ids, [wave.id]);
      const later = stage.wave(channel);
      await stage.record(later);
      await walk.gives([wave, later]);
      await walk.end();
    },
  },
  {
    name: "a tail ends when it is told to",
    async check(stage) {
      const channel = stage.at("orders");
      const busy = Walk.on(stage, { patterns: [channel] });
      const waves = stage.waves(3, channel);
      await stage.recordAll(waves);
      await busy.gives(waves);
      await busy.end();
      await stage.record(stage.wave(channel));
      assert.deepEqual(busy.ids.length, waves.length, "waves of a tail that was ended");
      const idle = Walk.on(stage, { patterns: [stage.at("nothing")] });
      await idle.end();
    },
  },
  {
    name: "a tail refuses what is no position of the record",
    async check(stage) {
      await stage.record(stage.wave(stage.at("orders")));
      const tail = stage.recorder(stage.near).tail({ patterns: [stage.at(">")], after: "none-such" }, never);
      const error = await stage.within(
        tail.then(
          () => undefined,
          (reason: unknown) => reason,
        ),
        "a tail is refused",
      );
      const code = error instanceof AetherError ? error.code : undefined;
      assert.ok(
        code === "AETHER_BAD_POSITION" || code === "AETHER_BAD_OPTION",
        `Expected a refusal of what is no position, got ${String(error)}`,
      );
    },
  },
  {
    name: "positions are compared as the record has them",
    async check(stage) {
      const positions = await stage.recordAll(stage.waves(12, stage.at("orders")));
      for (const line of [stage.near, stage.far]) {
        const recorder = stage.recorder(line);
        for (const [i, one] of positions.entries()) {
          const found = positions.map((other) => Math.sign(recorder.compare(one, other)));
          assert.deepEqual(
            found,
            positions.map((_, at) => Math.sign(i - at)),
            `how wave ${i} stands to the others`,
          );
        }
      }
    },
  },
  {
    name: "the end of the record covers its last wave, and no wave that comes",
    async check(stage) {
      let end: string | undefined;
      for (const channel of ["orders", "payments", "orders"]) {
        const position = await stage.record(stage.wave(stage.at(channel)));
        const { near, far } = stage;
        assert.ok(
          end === undefined || stage.recorder(near).compare(end, position) < 0,
          "Expected an end before what came later",
        );
        for (const line of [near, far]) {
          const recorder = stage.recorder(line);
          end = await stage.within(recorder.end(), "the end of the record is told");
          assert.ok(
            end !== undefined && recorder.compare(end, position) >= 0,
            `Expected an end at ${position}, got ${end}`,
          );
        }
      }
    },
  },
];

const never = new AbortController().signal;
