/** Messages that must always be written and read alike: docs/wire-format.md shows them. */

import { Wave, type WaveExtras, type WaveInit } from "@aether/core";
import type { Request } from "../src/wire/envelope.ts";
import type { LetterFacts } from "../src/wire/letter.ts";
import type { PayloadCodec } from "../src/wire/payloads.ts";

/** One message of docs/wire-format.md. */
export interface Vector {
  readonly title: string;
  readonly channel: string;
  readonly waves: readonly Wave[];
  readonly request?: Request;
  /** How payloads are written. Default: JSON. */
  readonly codec?: PayloadCodec;
}

const surroundings = {
  clock: { now: () => 1_700_000_000_000, monotonic: () => 0 },
  perHop: 0.95,
  minAmplitude: 0.01,
  maxLifetimeMs: 3_600_000,
  wallOffsetMs: 1_700_000_000_000,
};

/** The moment at which the waves of the vectors left. */
export const MOMENT = { at: 0, surroundings };

function wave(init: Partial<WaveInit> & { readonly id: string; readonly channel: string }, extras?: WaveExtras): Wave {
  return Wave.of({
    kind: "event",
    payload: undefined,
    amplitude: 0.5,
    origin: { source: "alpha", sourceId: "alpha-1" },
    moment: MOMENT,
    halfLifeMs: 60_000,
    hops: 1,
    cause: undefined,
    trace: init.id,
    bytes: 0,
    extras,
    ...init,
  });
}

export const VECTORS: readonly Vector[] = [
  {
    title: "an event without a payload",
    channel: "orders.created",
    waves: [wave({ id: "w1", channel: "orders.created" })],
  },
  {
    title: "two events in one message, one with JSON and one with bytes",
    channel: "orders.created",
    waves: [
      wave({ id: "w1", channel: "orders.created", payload: { orderId: "1", total: 12.5 } }),
      wave({ id: "w2", channel: "orders.created", payload: new Uint8Array([0, 255]) }),
    ],
  },
  {
    title: "a broadcast that has everything",
    channel: "stock.low",
    waves: [
      wave(
        {
          id: "w3",
          channel: "stock.low",
          kind: "broadcast",
          payload: "ünïcödé",
          amplitude: 0.95,
          halfLifeMs: Number.POSITIVE_INFINITY,
          hops: 3,
          cause: "w2",
          trace: "w0",
        },
        {
          age: 250,
          phase: 1.5,
          weight: 2,
          key: "sku-1",
          headers: { tenant: "a" },
          version: 2,
          named: true,
          gain: 2,
          reflects: true,
          reflectsBody: true,
        },
      ),
    ],
  },
  {
    title: "a query that waits for two seconds",
    channel: "stock.check",
    waves: [wave({ id: "w4", channel: "stock.check", kind: "query", payload: null })],
    request: { correlation: 7, leftMs: 2000 },
  },
  {
    title: "two events as records, with the table of their names",
    channel: "orders.created",
    codec: "records",
    waves: [
      wave({
        id: "w1",
        channel: "orders.created",
        payload: { orderId: "1", lines: [{ sku: "lamp" }, { sku: "desk" }] },
      }),
      wave({ id: "w2", channel: "orders.created", payload: { orderId: "2", lines: [] } }),
    ],
  },
];

/** The letter of docs/wire-format.md: its facts, and the wave that failed. */
export const LETTER: Vector & { readonly facts: LetterFacts } = {
  title: "a dead letter",
  channel: "orders.created",
  waves: [wave({ id: "w1", channel: "orders.created", payload: { orderId: "1", total: 12.5 } })],
  facts: {
    error: { code: "AETHER_HANDLER_FAILED", message: "no price: ü", stack: undefined },
    ...{ attempts: 10, group: "beta", name: "orders.*", instance: "beta-1", at: 1_700_000_000_500 },
    position: "0loz2f5s0-00000000007",
  },
};
