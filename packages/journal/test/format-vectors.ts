/** Bytes that must always be written and read alike: docs/journal-format.md shows them. */

import type { Wave } from "@aether/core";
import { ShapedWriter } from "../src/body/shaped-writer.ts";
import { bodyOf, writeWave } from "../src/body/wave-body.ts";
import { KIND, RECORD_HEAD, seal } from "../src/log/record-format.ts";
import { segmentHead } from "../src/log/segment-header.ts";
import { Slab } from "../src/log/slab.ts";
import { snapshotBytes } from "../src/snapshot/snapshot-file.ts";
import { wave } from "./waves.ts";

/** One piece of a file of docs/journal-format.md. */
export interface Vector {
  readonly title: string;
  readonly bytes: Buffer;
}

export const EPOCH = "0123456789abcdef";
const TIME = 1_700_000_000_000;
const emittedAt = { emittedAt: TIME };

/** A payload of each kind of value. */
const SHAPED = {
  orderId: "ü3",
  items: [{ sku: "lamp", price: 24.5 }],
  paid: true,
  total: 49,
  note: "€",
  coupon: null,
  tags: [],
};

/** The waves of the vectors, in order. */
export const WAVES: readonly Wave[] = [
  wave("w1", { payload: { orderId: "1", total: 12.5 } }, emittedAt),
  wave(
    "w2",
    {
      kind: "broadcast",
      channel: "stock.low",
      payload: new Uint8Array([0, 255]),
      amplitude: 0.95,
      hops: 3,
      cause: "w1",
      trace: "w0",
      halfLifeMs: 60_000,
    },
    {
      ...emittedAt,
      phase: 1.5,
      weight: 2,
      key: "sku-1",
      headers: { tenant: "a" },
      version: 2,
      named: true,
      gain: 2,
      reflects: true,
      reflectsBody: true,
      to: { group: "beta", name: "stock.*" },
    },
  ),
  wave("w3", { payload: SHAPED }, emittedAt),
];

/** What others on the channel had before, so that its shape is known. */
const shapes = new ShapedWriter();
for (let told = 0; told < 2; told++) {
  shapes.write("orders.created", SHAPED);
}

const header = { epoch: EPOCH, first: 1, before: 0, chain: 0, time: TIME };
const head = segmentHead(header, Buffer.from("fedcba9876543210", "hex"));
const seed = head.readUInt32LE(head.length - 4);

function records(): { readonly pieces: Buffer[]; readonly check: number } {
  const pieces: Buffer[] = [];
  let chain = 0;
  for (const [at, one] of [...WAVES, undefined].entries()) {
    const slab = new Slab();
    const body = one === undefined ? undefined : bodyOf(one, one.payload === SHAPED ? shapes : undefined);
    slab.reserve(RECORD_HEAD + (body?.most ?? 0));
    slab.seek(RECORD_HEAD);
    if (body !== undefined) {
      writeWave(slab, body, at * 250);
    }
    const kind = body === undefined ? KIND.end : KIND.wave;
    // The waves came together, the end after they were stored.
    const pending = body === undefined ? 0 : at;
    chain = seal(slab, 0, slab.length, { kind, sequence: at + 1, chain, pending, time: TIME + at }, seed);
    pieces.push(Buffer.from(slab.buffer.subarray(0, slab.length)));
  }
  return { pieces, check: chain };
}

const { pieces, check } = records();
const [first = head, second = head, third = head, last = head] = pieces;
/** Everything of the segment, as its file has it. */
export const SEGMENT: Buffer = Buffer.concat([head, ...pieces]);

export const VECTORS: readonly Vector[] = [
  { title: "the header of a first segment", bytes: head },
  { title: "a record with an event and a JSON payload", bytes: first },
  { title: "a record with a broadcast that has everything, appended together with the one before", bytes: second },
  { title: "a record with an event whose payload has a shape, appended together with both", bytes: third },
  { title: "the record of an orderly end", bytes: last },
  {
    title: "a snapshot of the name `sum` with a JSON state",
    bytes: snapshotBytes("sum", { epoch: EPOCH, sequence: 4, check }, TIME, '{"total":12.5}'),
  },
];

/** A segment of version 1, with the first two of these waves and an orderly end. */
export const SEGMENT_1: Buffer = Buffer.from(
  [
    "8941454a0d0a1a0a01004000000000000123456789abcdeffedcba9876543210",
    "01000000000000000000000000000000000000000068e5cf8b010000c2e8da7c",
    "231d16067e00000000000000000000000068e5cf8b0101000100000000000000",
    "4000000125000e6f72646572732e6372656174656405616c70686107616c7068",
    "612d31000000000000f07f00000000000000000000e03f00008056febc784202",
    "77317b226f726465724964223a2231222c22746f74616c223a31322e357d",
    "96e7bc19ac000000231d1606010000000168e5cf8b0101000200000000000000",
    "8800010220000973746f636b2e6c6f7705616c70686107616c7068612d310000",
    "0000004ced40ff3f0000666666666666ee3f00008056febc7842027732030000",
    "000000406f40027730027731000000000000f83f000000000000004005736b75",
    "2d31010674656e616e7401610000000000000040000000000000004004626574",
    "610773746f636b2e2a0000ff",
    "a826c8df2000000096e7bc19000000000268e5cf8b0100000300000000000000",
  ].join(""),
  "hex",
);
