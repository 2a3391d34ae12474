/** Bytes that must always be written and read alike: docs/journal-format.md shows them. */

import type { Wave } from "@aether/core";
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
];

const header = { epoch: EPOCH, first: 1, before: 0, chain: 0, time: TIME };
const head = segmentHead(header, Buffer.from("fedcba9876543210", "hex"));
const seed = head.readUInt32LE(head.length - 4);

function records(): { readonly pieces: Buffer[]; readonly check: number } {
  const pieces: Buffer[] = [];
  let chain = 0;
  for (const [at, one] of [...WAVES, undefined].entries()) {
    const slab = new Slab();
    const body = one === undefined ? undefined : bodyOf(one);
    slab.reserve(RECORD_HEAD + (body?.most ?? 0));
    slab.seek(RECORD_HEAD);
    if (body !== undefined) {
      writeWave(slab, body, at * 250);
    }
    const kind = body === undefined ? KIND.end : KIND.wave;
    // The two waves came together, the end after they were stored.
    const pending = body === undefined ? 0 : at;
    chain = seal(slab.buffer, 0, slab.length, { kind, sequence: at + 1, chain, pending, time: TIME + at }, seed);
    pieces.push(Buffer.from(slab.buffer.subarray(0, slab.length)));
  }
  return { pieces, check: chain };
}

const { pieces, check } = records();
const [first = head, second = head, last = head] = pieces;
/** Everything of the segment, as its file has it. */
export const SEGMENT: Buffer = Buffer.concat([head, ...pieces]);

export const VECTORS: readonly Vector[] = [
  { title: "the header of a first segment", bytes: head },
  { title: "a record with an event and a JSON payload", bytes: first },
  { title: "a record with a broadcast that has everything, appended together with the one before", bytes: second },
  { title: "the record of an orderly end", bytes: last },
  {
    title: "a snapshot of the name `sum` with a JSON state",
    bytes: snapshotBytes("sum", { epoch: EPOCH, sequence: 3, check }, TIME, '{"total":12.5}'),
  },
];
