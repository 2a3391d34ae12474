/** A process that appends waves to a journal until it is killed: prints what was acknowledged. */

import { writeSync } from "node:fs";
import { systemClock, Wave } from "@aether/core";
import { openJournal } from "@aether/journal";

const [directory = "", run = "0", writers = "1"] = process.argv.slice(2);
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

function wave(id) {
  return Wave.of({
    id,
    channel: "orders.created",
    kind: "event",
    payload: { id },
    amplitude: 0.5,
    origin: { source: "child", sourceId: `child-${run}` },
    moment,
    halfLifeMs: Number.POSITIVE_INFINITY,
    hops: 1,
    cause: undefined,
    trace: id,
    bytes: 512,
    extras: undefined,
  });
}

const journal = await openJournal(directory, { segmentBytes: 64 * 1024 });
writeSync(1, "ready\n");
await Promise.all(
  Array.from({ length: Number(writers) }, async (_, writer) => {
    for (let n = 0; ; n++) {
      const id = `r${run}-${writer}-${n}`;
      const position = await journal.append(wave(id));
      writeSync(1, `${id} ${position}\n`);
    }
  }),
);
