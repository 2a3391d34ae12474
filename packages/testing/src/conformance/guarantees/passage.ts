/** How waves arrive: unchanged, once, in order. */

import assert from "node:assert/strict";
import { BANDS, type Wave } from "@aether/core";
import type { Guarantee } from "../stage.ts";
import { TestExchange } from "../test-exchange.ts";

const PAYLOADS: readonly unknown[] = [
  undefined,
  null,
  true,
  0,
  -1.5,
  "",
  "text with ünïcödé, \u0000 and \n",
  [],
  {},
  { items: [{ sku: "a", count: 2 }, null], nested: { deep: { deeper: [1, [2, [3]]] } } },
  new Uint8Array([0, 1, 2, 254, 255]),
  new Uint8Array(0),
  "x".repeat(50_000),
];

/** Everything that must arrive as it was sent, but for the payload and the way back. */
function facts(wave: Wave): Record<string, unknown> {
  const { id, channel, kind, amplitude, phase, weight, source, sourceId, halfLifeMs, hops, cause, trace, key } = wave;
  const { headers, version, band, named, reflects, reflectsBody } = wave;
  const taken = { id, channel, kind, amplitude, phase, weight, source, sourceId, halfLifeMs, hops, cause, trace, key };
  return { ...taken, headers: { ...headers }, version, band, named, reflects, reflectsBody };
}

function assertUnchanged(arrived: Wave, sent: Wave, byReference: boolean): void {
  assert.deepEqual(facts(arrived), facts(sent));
  assert.ok(Math.abs(arrived.emittedAt - sent.emittedAt) <= 1, "Expected `emittedAt` as it was, to the millisecond");
  if (byReference) {
    assert.ok(Object.is(arrived.payload, sent.payload), "Expected the payload itself, got another one");
  } else if (sent.payload instanceof Uint8Array) {
    assert.ok(arrived.payload instanceof Uint8Array, "Expected bytes to arrive as bytes");
    assert.deepEqual([...arrived.payload], [...sent.payload]);
  } else {
    assert.deepEqual(arrived.payload, sent.payload);
  }
  assert.equal(arrived.exchange === undefined, sent.exchange === undefined, "whether it carries its way back");
}

export const passage: readonly Guarantee[] = [
  {
    name: "a wave arrives unchanged, unless it goes around a member",
    async check(stage) {
      const { near, far, traits } = stage;
      const channel = stage.at("orders");
      const ear = await stage.ear(near, channel);
      const exchange = new TestExchange();
      const sent = [
        ...PAYLOADS.map((payload) => stage.wave(channel, { payload })),
        ...[0, 0.1, 0.95, 1].map((amplitude) => stage.wave(channel, { amplitude })),
        stage.wave(channel, {
          payload: { orderId: "1" },
          amplitude: 0.7,
          origin: { source: "shop", sourceId: `shop-${stage.token}` },
          halfLifeMs: 1234.5,
          hops: 3,
          cause: "a-cause",
          trace: "a-trace",
          extras: {
            phase: Math.PI / 3,
            weight: 2.5,
            key: "order 1 äöü",
            headers: { tenant: "a", note: "two words" },
            version: 4,
            named: true,
            reflects: true,
            reflectsBody: true,
          },
        }),
        stage.wave(channel, { halfLifeMs: Number.POSITIVE_INFINITY }),
        stage.wave(channel, { kind: "broadcast", payload: "to all" }),
        stage.wave(channel, { kind: "command", payload: "do", extras: { exchange, reflectsBody: false } }),
        stage.wave(channel, { kind: "query", payload: "ask", extras: { exchange, headers: { a: "b" } } }),
      ];
      await stage.sendAll(far, sent);
      await stage.hears(ear, sent);
      for (const wave of sent) {
        const arrived = ear.waves.find(({ id }) => id === wave.id);
        assert.ok(arrived);
        assertUnchanged(arrived, wave, traits.byReference);
      }
    },
  },
  {
    name: "a wave arrives once",
    async check(stage) {
      const { near, far } = stage;
      const channel = stage.at("orders");
      const ear = await stage.ear(near, channel);
      const other = await stage.ear(far, stage.at("*"), { openBand: BANDS });
      const waves = [...stage.waves(100, channel), ...stage.waves(2, channel, { extras: { named: true } })];
      await stage.sendAll(far, waves.slice(0, 50));
      await stage.burst(far, waves.slice(50));
      await stage.hearsExactly(ear, waves);
      const seen = other.waves.filter((wave) => wave.channel === channel);
      const copies = stage.traits.duplicates ? new Set(seen.map(({ id }) => id)).size : seen.length;
      assert.equal(copies, waves.length, "waves that a listener of another link has heard");
    },
  },
  {
    name: "waves of one source, channel and band arrive in order",
    async check(stage) {
      const { near, far, traits } = stage;
      const [swift, mixed] = [stage.at("swift"), stage.at("mixed")];
      const ears = [
        await stage.ear(near, swift),
        await stage.ear(near, mixed),
        await stage.ear(near, mixed, { openBand: BANDS }),
        await stage.ear(near, stage.at(">"), { group: "workers", name: "work", openBand: 3 }),
      ];
      const make = (i: number, channel: string): Wave => {
        // Plain ones, and in between those that a medium has reasons to treat apart.
        const extras = i % 7 === 3 ? { named: true } : i % 11 === 5 ? { key: "k" } : undefined;
        return stage.wave(channel, {
          amplitude: [0.5, 0.9, 0.2, 0.55][i % 4] ?? 0.5,
          halfLifeMs: i % 5 === 4 ? 900 : 60_000,
          extras,
        });
      };
      const waves = Array.from({ length: 240 }, (_, i) => make(i, i % 3 === 0 ? mixed : swift));
      await stage.burst(far, waves.slice(0, 120));
      await stage.sendAll(far, waves.slice(120, 160));
      await stage.burst(far, waves.slice(160));
      for (const ear of ears) {
        const own = waves.filter(
          ({ channel }) => ear.presence.pattern.endsWith(">") || channel === ear.presence.pattern,
        );
        await stage.hears(ear, own);
        if (traits.ordered) {
          assertOrder(ear.waves, own);
        }
      }
    },
  },
];

/** Holds when the waves of each channel and band stand in `heard` as they stand in `sent`. */
function assertOrder(heard: readonly Wave[], sent: readonly Wave[]): void {
  const rank = new Map(sent.map(({ id }, index) => [id, index]));
  const last = new Map<string, number>();
  const seen = new Set<string>();
  for (const { id, channel, band } of heard) {
    const at = rank.get(id);
    if (at !== undefined && !seen.has(id)) {
      seen.add(id);
      const lane = `${channel} in band ${band}`;
      const before = last.get(lane) ?? -1;
      assert.ok(at > before, `Expected order on ${lane}, got wave ${at} after wave ${before}`);
      last.set(lane, at);
    }
  }
}
