/** A script of a journal on a simulated disk, and what a loss of power leaves of it at each of its steps. */

import { seededRandom } from "@aether/core";
import { type JournalOptions, openJournal } from "../src/index.ts";
import { SimDisk, type SimFaults } from "./sim-disk.ts";
import { readAll, sequenceIn, wave } from "./waves.ts";

/** What the script knew when the power went. */
interface Known {
  readonly leave: (random: () => number) => Map<string, Buffer>;
  /** How many waves had been appended, and how many of them acknowledged. */
  readonly appended: number;
  readonly acknowledged: number;
  /** How many are not needed any more. */
  readonly released: number;
  /** The sums that snapshots were asked to keep, and which of them were acknowledged last. */
  readonly snapshot: number;
}

/** What was found wrong. */
export interface Outcome {
  readonly crashes: number;
  readonly cuts: number;
  readonly wrong: readonly string[];
}

/** Runs a script of `steps` steps, and loses power before each change of the disk. */
export async function loseEverywhere(
  seed: number,
  steps: number,
  faults: SimFaults = {},
  mode: NonNullable<JournalOptions["mode"]> = "sync",
): Promise<Outcome> {
  const random = seededRandom(seed);
  const disk = new SimDisk(faults);
  const options: JournalOptions = {
    fileSystem: disk,
    segmentBytes: 1024,
    mode,
    retention: { maxBytes: 1_000_000, dropReleased: true },
  };
  const positions: string[] = [];
  const moments: Known[] = [];
  let appended = 0;
  let acknowledged = 0;
  let released = 0;
  let snapshot = 0;
  disk.onChange = () => {
    moments.push({ leave: disk.moment(), appended, acknowledged, released, snapshot });
  };
  let journal = await openJournal("/sim", options);
  for (let step = 0; step < steps; step++) {
    const chance = random();
    if (chance < 0.84 || positions.length === 0) {
      const burst = Array.from({ length: 1 + Math.floor(random() * 3) }, () => {
        const id = `w${appended++}`;
        return journal.append(wave(id, { payload: { id, text: "x".repeat(Math.floor(random() * 120)) } }));
      });
      positions.push(...(await Promise.all(burst)));
      acknowledged = positions.length;
    } else if (chance < 0.9) {
      const at = acknowledged;
      await journal.snapshot("sum", { upTo: at }, positions[at - 1] ?? "");
      snapshot = at;
    } else if (chance < 0.97 && snapshot > 0) {
      // Released before it is done: it may be gone at any step of it.
      released = Math.max(released, snapshot - 5);
      await journal.release(positions[released - 1] ?? positions[0] ?? "");
    } else {
      await journal.close();
      journal = await openJournal("/sim", options);
    }
  }
  await journal.close();
  disk.onChange = () => undefined;
  const wrong: string[] = [];
  let cuts = 0;
  for (const [at, known] of moments.entries()) {
    const left = known.leave(seededRandom(seed * 7919 + at));
    const found = await recover(left, known, positions);
    cuts += found.cuts;
    wrong.push(...found.wrong.map((what) => `change ${at}: ${what}`));
  }
  return { crashes: moments.length, cuts, wrong };
}

async function recover(
  left: Map<string, Buffer>,
  known: Known,
  positions: readonly string[],
): Promise<{ cuts: number; wrong: string[] }> {
  const wrong: string[] = [];
  const { appended, acknowledged, released, snapshot } = known;
  try {
    await using journal = await openJournal("/sim", { fileSystem: SimDisk.holding(left), segmentBytes: 1024 });
    const seen = await readAll(journal);
    const first = seen[0] === undefined ? released : Number(seen[0].id.slice(1));
    for (const [index, { id, said, position }] of seen.entries()) {
      if (id !== `w${first + index}` || said !== id) {
        wrong.push(`${id} in place of w${first + index}`);
      }
      const given = positions[first + index];
      if (first + index < acknowledged && position !== given) {
        wrong.push(`${id} at ${position}, acknowledged at ${given}`);
      }
    }
    if (first > released) {
      wrong.push(`it begins with w${first}, and only ${released} were released`);
    }
    const end = first + seen.length;
    if (end < acknowledged || end > appended) {
      wrong.push(`${end} waves of ${appended}, of which ${acknowledged} were acknowledged`);
    }
    const kept = await journal.latestSnapshot("sum");
    const upTo = kept === undefined ? 0 : Number(Reflect.get(Object(kept.state), "upTo"));
    if (upTo < snapshot || upTo > acknowledged) {
      wrong.push(`a snapshot of ${upTo}, of which ${snapshot} was acknowledged`);
    }
    const next = sequenceIn(await journal.append(wave("next")));
    const last = Math.max(0, ...positions.slice(0, acknowledged).map(sequenceIn));
    if (next <= last) {
      wrong.push(`sequence ${next} is given again: ${last} was acknowledged`);
    }
    return { cuts: journal.health().cuts.length, wrong };
  } catch (error) {
    return { cuts: 0, wrong: [...wrong, String(error)] };
  }
}
