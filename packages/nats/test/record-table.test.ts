import { Wave } from "@aether/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decode, encode, mostBytesAround, mostBytesOf, outbound, Seal, waveOf } from "../src/wire/envelope.ts";
import { CODEC, channelWriter } from "../src/wire/payloads.ts";
import { Slab } from "../src/wire/slab.ts";
import { MOMENT } from "./wire-vectors.ts";

const CHANNEL = "orders.created";
const ORIGIN = { source: "alpha", sourceId: "alpha-1" };
const seal = new Seal(CHANNEL);

function wave(payload: unknown): Wave {
  return Wave.of({
    ...{ id: "w1", channel: CHANNEL, kind: "event", payload, amplitude: 0.5, origin: ORIGIN, moment: MOMENT },
    ...{ halfLifeMs: 60_000, hops: 1, cause: undefined, trace: "w1", bytes: 0, extras: undefined },
  });
}

/** The codecs of `payloads` in messages of the given sizes, and the payloads as they arrive. */
function sent(payloads: readonly unknown[], perMessage: number): { codecs: number[]; arrived: unknown[] } {
  const writer = channelWriter("records");
  const slab = new Slab();
  const codecs: number[] = [];
  const arrived: unknown[] = [];
  for (let at = 0; at < payloads.length; at += perMessage) {
    const items = payloads.slice(at, at + perMessage).map((payload) => outbound(wave(payload), undefined, writer));
    codecs.push(...items.map(({ codec }) => codec));
    const most = items.reduce((sum, item) => sum + mostBytesOf(item), mostBytesAround(ORIGIN));
    const read = decode(encode(slab, seal, items, ORIGIN, most), CHANNEL, seal, MOMENT) ?? [];
    arrived.push(...read.map((inbound) => waveOf(inbound, undefined).payload));
  }
  return { codecs, arrived };
}

describe("payloads as records", () => {
  test("arrive as they were, whatever their shapes and however they are packed", () => {
    const names = fc.constantFrom(..."abcdefghijklmnopqrstuvwxyz");
    const { payload } = fc.letrec((tie) => ({
      payload: fc.oneof(
        { depthSize: "small" },
        fc.string(),
        fc.double({ noNaN: true }).map((number) => number + 0), // not -0: as in JSON, it is 0
        fc.boolean(),
        fc.constant(null),
        fc.array(tie("payload"), { maxLength: 3 }),
        fc.dictionary(names, tie("payload"), { maxKeys: 4, noNullPrototype: true }),
      ),
    }));
    fc.assert(
      fc.property(fc.array(payload, { minLength: 1, maxLength: 60 }), fc.integer({ min: 1, max: 16 }), (all, size) => {
        expect(sent(all, size).arrived).toEqual(all);
      }),
      { numRuns: 300 },
    );
  });

  test("of one shape need its names once a message", () => {
    const { codecs } = sent(
      [
        { a: 1, b: 2 },
        { a: 3, b: 4 },
      ],
      2,
    );
    expect(codecs).toEqual([CODEC.tabled, CODEC.tabled]);
  });

  test("with more names than a table holds bring their own, and those before them are still read", () => {
    const wide = Object.fromEntries(Array.from({ length: 500 }, (_, at) => [`column${at}`, at]));
    const { codecs, arrived } = sent([{ a: 1 }, wide, { a: 2 }], 16);
    expect(codecs).toEqual([CODEC.tabled, CODEC.records, CODEC.records]);
    expect(arrived).toEqual([{ a: 1 }, wide, { a: 2 }]);
  });

  test("with ever new names do not make the table grow without end", () => {
    const payloads = Array.from({ length: 5000 }, (_, at) => ({
      [`name${at}`]: at,
      [`other${at}`]: { [`x${at}`]: at },
    }));
    expect(sent(payloads, 16).arrived).toEqual(payloads);
  });

  test("are as they were when they were emitted, whatever becomes of them", () => {
    const order = { items: [{ sku: "lamp" }] };
    const item = outbound(wave(order), undefined, channelWriter("records"));
    order.items.push({ sku: "desk" });
    const message = encode(new Slab(), seal, [item], ORIGIN, mostBytesAround(ORIGIN) + mostBytesOf(item));
    const [read] = decode(message, CHANNEL, seal, MOMENT) ?? [];
    expect(read && waveOf(read, undefined).payload).toEqual({ items: [{ sku: "lamp" }] });
  });

  test("without their table, or with one that is none, are no message", () => {
    const writer = channelWriter("records");
    const item = outbound(wave({ a: 1 }), undefined, writer);
    const most = mostBytesAround(ORIGIN) + mostBytesOf(item);
    const without = encode(new Slab(), seal, [{ ...item, table: undefined }], ORIGIN, most);
    expect(decode(without, CHANNEL, seal, MOMENT)).toBeUndefined();
    const message = encode(new Slab(), seal, [item], ORIGIN, most);
    const at = message.indexOf('[["a"]]');
    for (const table of ['[["a"],', "[[123]]", '{"a":1}', '["abcd"']) {
      const broken = Buffer.from(message.subarray(0, message.length - 4));
      broken.write(table, at);
      const sealed = Buffer.alloc(message.length);
      broken.copy(sealed);
      sealed.writeUInt32LE(seal.of(broken), broken.length);
      expect(decode(sealed, CHANNEL, seal, MOMENT)).toBeUndefined();
    }
  });
});
