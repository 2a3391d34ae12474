/** On the disk of this machine: durable appends side by side with lmdb, and what reading costs beside JSON.parse alone. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock, Wave } from "@aether/core";
import { speedTrial } from "../harness.ts";
import type { Contestant, Row, Trial } from "../row.ts";

/** An order of 226 bytes as JSON, another one for each number. */
function orderOf(number: number) {
  return {
    orderId: `o-20261027-${String(number % 1_000_000).padStart(6, "0")}`,
    customer: { id: "c-884213", name: "Ada L", tier: "gold" },
    items: [
      { sku: "lamp-brass-01", quantity: 2, price: 24.9 },
      { sku: "shade-linen-7", quantity: 1, price: 9.5 },
    ],
    total: 59.3,
    currency: "EUR",
  };
}

const TOTAL = orderOf(0).total;
const at = systemClock.monotonic();
const moment = {
  at,
  surroundings: {
    clock: systemClock,
    perHop: 0.95,
    minAmplitude: 0.01,
    maxLifetimeMs: 3_600_000,
    wallOffsetMs: systemClock.now() - at,
  },
};

function waveOf(number: number): Wave {
  const id = `bench-${number.toString(36)}`;
  return Wave.of({
    id,
    channel: "orders.created",
    kind: "event",
    payload: orderOf(number),
    amplitude: 0.8,
    origin: { source: "alpha", sourceId: "alpha-1" },
    moment,
    halfLifeMs: Number.POSITIVE_INFINITY,
    hops: 1,
    cause: undefined,
    trace: id,
    bytes: 512,
    extras: undefined,
  });
}

/** A directory on the disk that the bench runs on: the temporary one may be memory. */
async function directory(): Promise<{ path: string; clear: () => Promise<void> }> {
  const path = await mkdtemp(join(process.env["AETHER_BENCH_DIRECTORY"] ?? tmpdir(), "aether-bench-"));
  return { path, clear: () => rm(path, { recursive: true, force: true }) };
}

/** Keeps `atOnce` appends going until a pass of them is done. */
function appendTrial(atOnce: number, append: (number: number) => Promise<unknown>, close: () => Promise<void>): Trial {
  const operations = Math.max(2048, 8 * atOnce);
  let number = 0;
  let kept = 0;
  let asked = 0;
  return speedTrial({
    operations,
    async pass() {
      const end = number + operations;
      asked += operations;
      const worker = async (): Promise<void> => {
        while (number < end) {
          await append(number++);
          kept++;
        }
      };
      await Promise.all(Array.from({ length: atOnce }, worker));
    },
    verify() {
      if (kept !== asked) throw new Error(`Expected ${asked} to be kept, counted ${kept}`);
    },
    close,
  });
}

/** Waves, or orders, that are made outside the clock: it is the appending that is measured. */
const PREPARED = 8192;

function aetherAppend(atOnce: number): Contestant {
  return {
    name: "aether",
    async open() {
      const { openJournal } = await import("@aether/journal");
      const { path, clear } = await directory();
      const journal = await openJournal(path, { retention: { maxBytes: 256 * 1024 * 1024 } });
      const waves = Array.from({ length: PREPARED }, (_, number) => waveOf(number));
      return appendTrial(
        atOnce,
        (number) => journal.append(waves[number % PREPARED] ?? waveOf(number)),
        async () => {
          await journal.close();
          await clear();
        },
      );
    },
  };
}

function lmdbAppend(atOnce: number): Contestant {
  return {
    name: "lmdb",
    async open() {
      const { open } = await import("lmdb");
      const { path, clear } = await directory();
      // Without overlapping syncs a put resolves once its transaction is on the disk: `strace` shows a sync of the data and one
      // of the root before it does. Aether's append makes the same promise.
      const store = open({ path, encoding: "json", overlappingSync: false });
      const orders = Array.from({ length: PREPARED }, (_, number) => orderOf(number));
      return appendTrial(
        atOnce,
        (number) => store.put(number, orders[number % PREPARED]),
        async () => {
          await store.close();
          await clear();
        },
      );
    },
  };
}

function levelAppend(atOnce: number): Contestant {
  return {
    name: "classic-level",
    async open() {
      const { ClassicLevel } = await import("classic-level");
      const { path, clear } = await directory();
      const store = new ClassicLevel<string, unknown>(path, { valueEncoding: "json" });
      await store.open();
      const orders = Array.from({ length: PREPARED }, (_, number) => orderOf(number));
      return appendTrial(
        atOnce,
        (number) => store.put(String(number), orders[number % PREPARED], { sync: true }),
        async () => {
          await store.close();
          await clear();
        },
      );
    },
  };
}

function appendRow(atOnce: number, atLeast: number): Row {
  return {
    name: `journal-append-${atOnce}`,
    work: `append to disk, 226 B order, durable, ${atOnce} in flight`,
    unit: "ops/s",
    apart: false,
    contestants: [aetherAppend(atOnce), lmdbAppend(atOnce), levelAppend(atOnce)],
    bars: [
      { ours: "aether", peers: ["lmdb"], atLeast },
      { ours: "aether", peers: ["classic-level"] },
    ],
  };
}

const REPLAYED = 20_000;

const replay: Contestant = {
  name: "aether",
  async open() {
    const { openJournal } = await import("@aether/journal");
    const { path, clear } = await directory();
    const journal = await openJournal(path, { mode: "none" });
    for (let from = 0; from < REPLAYED; from += 1000) {
      await Promise.all(Array.from({ length: 1000 }, (_, n) => journal.append(waveOf(from + n))));
    }
    let wrong = 0;
    return speedTrial({
      operations: REPLAYED,
      async pass() {
        let seen = 0;
        for await (const { wave } of journal.read()) {
          if ((wave.payload as ReturnType<typeof orderOf>).total === TOTAL) seen++;
        }
        wrong += REPLAYED - seen;
      },
      verify: () => assertNone(wrong),
      async close() {
        await journal.close();
        await clear();
      },
    });
  },
};

const parse: Contestant = {
  name: "JSON.parse",
  async open() {
    const texts = Array.from({ length: REPLAYED }, (_, n) => JSON.stringify(orderOf(n)));
    let wrong = 0;
    return speedTrial({
      operations: REPLAYED,
      async pass() {
        for (const text of texts) {
          if ((JSON.parse(text) as ReturnType<typeof orderOf>).total !== TOTAL) wrong++;
        }
      },
      verify: () => assertNone(wrong),
      async close() {},
    });
  },
};

function assertNone(wrong: number): void {
  if (wrong > 0) throw new Error(`Expected every order back, ${wrong} were missing or wrong`);
}

export const journalRows: readonly Row[] = [
  appendRow(64, 1.2),
  appendRow(1024, 1.8),
  {
    name: "journal-replay",
    work: "replay from disk with checksum and decoding, 226 B order",
    unit: "ops/s",
    apart: false,
    contestants: [replay, parse],
    bars: [{ ours: "aether", peers: ["JSON.parse"], atLeast: 0.7 }],
  },
];
