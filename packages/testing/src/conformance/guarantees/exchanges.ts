/** The way back of commands and queries, and of waves that nobody waits for. */

import assert from "node:assert/strict";
import { reflect, systemClock, type Teller, type Wave } from "@aether/core";
import type { Ear } from "../ear.ts";
import type { Guarantee, Stage, Tuned } from "../stage.ts";
import { TestExchange, type Told } from "../test-exchange.ts";

/** A listener in a group of its own that does `act` with the way back of each wave. */
async function hearer(
  stage: Stage,
  channel: string,
  name: string,
  act: (exchange: NonNullable<Wave["exchange"]>, by: Teller) => void,
  uptake: "admitted" | "refused" = "admitted",
): Promise<Tuned> {
  let by: Teller = { by: name, byId: "" };
  const ear = await stage.ear(stage.near, channel, {
    vibrator: name,
    group: name,
    uptake,
    onWave: ({ exchange }) => exchange && act(exchange, by),
  });
  by = { by: name, byId: ear.presence.instance };
  return ear;
}

/** Holds when `ear` has told what `expected` says, in this order; of values, the named parts. */
async function told(stage: Stage, exchange: TestExchange, ear: Ear, expected: readonly Told[]): Promise<void> {
  const { instance } = ear.presence;
  const texts = (): readonly string[] => [...new Set(exchange.by(instance).map(({ what }) => what))];
  const wanted = expected.map(({ what }) => what);
  await stage.until(
    () => wanted.every((what) => texts().includes(what)),
    () =>
      `the emitter is told "${wanted.join(", ")}" by ${ear.presence.vibrator}, and it was told "${texts().join(", ")}"`,
  );
  if (stage.traits.ordered) {
    assert.deepEqual(texts(), wanted, `what ${ear.presence.vibrator} told`);
  }
  for (const { what, value } of expected) {
    const got = exchange.by(instance).find((call) => call.what === what)?.value;
    for (const [key, part] of Object.entries(value)) {
      assert.deepEqual(got && Reflect.get(got, key), part, `\`${key}\` of "${what}"`);
    }
  }
}

const of = (ear: Ear): Teller => ({ by: ear.presence.vibrator, byId: ear.presence.instance });

export const exchanges: readonly Guarantee[] = [
  {
    name: "a command's way back reaches its emitter",
    async check(stage) {
      const channel = stage.at("command");
      const taker = await hearer(stage, channel, "taker", (exchange, by) => {
        exchange.admitted(by);
        exchange.silent(by);
      });
      const exchange = new TestExchange();
      const wave = stage.wave(channel, { kind: "command", extras: { exchange } });
      await stage.send(stage.far, wave);
      await stage.hears(taker, [wave]);
      await told(stage, exchange, taker, [
        { what: "admitted", value: of(taker) },
        { what: "silent", value: of(taker) },
      ]);
    },
  },
  {
    name: "a query's answers reach its emitter",
    async check(stage) {
      const channel = stage.at("query");
      const answers: readonly unknown[] = [{ stock: 3, items: ["a"] }, null, "text"];
      const hearers: Tuned[] = [];
      for (const [i, payload] of answers.entries()) {
        const ear = await hearer(stage, channel, `answerer-${i}`, (exchange, by) => {
          exchange.admitted(by);
          setImmediate(() => exchange.answered({ payload, ...by }));
        });
        hearers.push(ear);
      }
      const exchange = new TestExchange();
      const bystander = new TestExchange();
      await stage.send(stage.far, stage.wave(channel, { kind: "query", extras: { exchange } }));
      for (const [i, payload] of answers.entries()) {
        const ear = hearers[i];
        assert.ok(ear);
        await told(stage, exchange, ear, [
          { what: "admitted", value: of(ear) },
          { what: "answered", value: { payload, ...of(ear) } },
        ]);
      }
      await stage.send(
        stage.far,
        stage.wave(stage.at("elsewhere"), { kind: "query", extras: { exchange: bystander } }),
      );
      await stage.curtain();
      assert.deepEqual(bystander.told, [], "what the emitter of another query was told");
    },
  },
  {
    name: "whatever a hearer tells of a command reaches its emitter",
    async check(stage) {
      const channel = stage.at("command");
      const why = { code: "AETHER_SHED", floor: 0.25, retryAfterMs: 20 } as const;
      const drain = { code: "AETHER_DRAINING" } as const;
      const cause = {
        code: "error",
        error: "AETHER_HANDLER_FAILED",
        message: "it broke",
        retryable: true,
        retryAfterMs: 30,
      } as const;
      const refusing = await hearer(stage, channel, "refusing", (way, by) => way.refused({ ...why, ...by }), "refused");
      const returning = await hearer(stage, channel, "returning", (way, by) => {
        way.admitted(by);
        way.returned({ ...drain, ...by });
      });
      const failing = await hearer(stage, channel, "failing", (way, by) => {
        way.admitted(by);
        way.reflected({ ...cause, ...by });
      });
      const exchange = new TestExchange();
      await stage.send(stage.far, stage.wave(channel, { kind: "command", extras: { exchange } }));
      await told(stage, exchange, refusing, [{ what: "refused", value: { ...why, ...of(refusing) } }]);
      await told(stage, exchange, returning, [
        { what: "admitted", value: of(returning) },
        { what: "returned", value: { ...drain, ...of(returning) } },
      ]);
      await told(stage, exchange, failing, [
        { what: "admitted", value: of(failing) },
        { what: "reflected", value: { ...cause, ...of(failing) } },
      ]);
    },
  },
  {
    name: "a hearer knows how long the emitter waits",
    async check(stage) {
      const channel = stage.at("query");
      const timeoutMs = 30_000;
      const left: number[] = [];
      const ear = await stage.ear(stage.near, channel, {
        onWave: ({ exchange }) => {
          if (exchange !== undefined && !exchange.over) {
            left.push(exchange.deadline - systemClock.monotonic());
          }
        },
      });
      const wave = stage.wave(channel, { kind: "query", extras: { exchange: new TestExchange(timeoutMs) } });
      await stage.send(stage.far, wave);
      await stage.hears(ear, [wave]);
      const [leftMs = 0] = left;
      const least = timeoutMs - stage.deadlineMs;
      assert.ok(leftMs <= timeoutMs + 1 && leftMs >= least, `Expected ${least} to ${timeoutMs} ms, got ${leftMs}`);
    },
  },
  {
    name: "a reflection reaches the link of its emitter",
    async check(stage) {
      const { near, far } = stage;
      const channel = stage.at("orders");
      const ear = await stage.ear(near, channel);
      const origin = { source: "shop", sourceId: `shop-${stage.token}` };
      const sent = stage.wave(channel, { origin, amplitude: 0.8, extras: { key: "order 1" } });
      await stage.send(far, sent);
      await stage.hears(ear, [sent]);
      const arrived = ear.waves.find(({ id }) => id === sent.id);
      const why = { code: "rejected", error: "AETHER_BAD_PAYLOAD", message: "no `items`", retryable: false } as const;
      const reflection = arrived && reflect(arrived, { ...why, ...of(ear) }, systemClock.monotonic());
      assert.ok(reflection);
      near.link.reflect(reflection);
      const found = (): typeof reflection | undefined => far.reflections.find((came) => came.of === sent.id);
      await stage.until(
        () => found() !== undefined,
        () => "the reflection reaches the link of its emitter",
      );
      const came = found();
      assert.ok(came);
      const { of: id, on, code, error, message, retryable, by, kind, cause, trace, key } = came;
      assert.deepEqual(
        { id, on, code, error, message, retryable, by, kind, cause, trace, key, to: came.channel },
        {
          ...why,
          ...{ id: sent.id, on: channel, by: ear.presence.vibrator, kind: "reflection", cause: sent.id },
          ...{ trace: sent.trace, key: "order 1", to: `$reflection.${origin.sourceId}` },
        },
      );
    },
  },
];
