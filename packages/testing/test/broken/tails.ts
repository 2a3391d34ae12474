/** Recorders that cannot be followed along the record, and lose or mix snapshots. */

import type { Recorder, Snapshot, SnapshotName, SnapshotStore, TailStep } from "@aether/core";
import { RememberingSnapshots } from "../lawful/remembering-snapshots.ts";
import { alteredRecorder } from "./altered-recorder.ts";
import type { BrokenMedium } from "./broken-medium.ts";

/** A medium whose tails are as `alter` makes them of those that are right. */
function tailing(alter: (recorder: Recorder) => Recorder["tail"]) {
  return () => alteredRecorder({ recorder: (recorder) => ({ tail: alter(recorder) }) });
}

/** A medium whose steps are as `alter` makes them of those that are right. */
function stepping(alter: (steps: AsyncIterable<TailStep>, recorder: Recorder) => AsyncIterable<TailStep>) {
  return tailing((recorder) => async (query, signal) => alter(await recorder.tail(query, signal), recorder));
}

/** A medium whose snapshots are kept as `alter` changes it. */
function keeping(alter: (store: SnapshotStore) => Partial<SnapshotStore>) {
  return () =>
    alteredRecorder({
      recorder({ snapshots }) {
        if (snapshots === undefined) {
          throw new Error("Expected a recorder that keeps snapshots");
        }
        const passed: SnapshotStore = {
          save: (name, snapshot) => snapshots.save(name, snapshot),
          load: (name) => snapshots.load(name),
        };
        return { snapshots: { ...passed, ...alter(passed) } };
      },
    });
}

const FEW = 10;

/** The last few of `steps` that nobody has taken. */
async function* latest(steps: AsyncIterable<TailStep>): AsyncGenerator<TailStep> {
  const kept: TailStep[] = [];
  let isOver = false;
  let wake = (): void => undefined;
  void (async () => {
    for await (const step of steps) {
      kept.push(step);
      kept.splice(0, kept.length - FEW);
      wake();
    }
    isOver = true;
    wake();
  })();
  while (!isOver || kept.length > 0) {
    const step = kept.shift();
    if (step !== undefined) {
      yield step;
    } else {
      await new Promise<void>((resolve) => (wake = resolve));
    }
  }
}

export const tails: readonly BrokenMedium[] = [
  {
    name: "ends a tail where the record ends",
    create: stepping(async function* (steps, recorder) {
      const end = await recorder.end();
      for await (const step of steps) {
        yield step;
        if (end === undefined || recorder.compare(step.position, end) >= 0) {
          return;
        }
      }
    }),
    breaks: ["a tail gives each wave once, in the order of the record, and goes on with what comes"],
  },
  {
    name: "gives a wave of a tail twice",
    create: stepping(async function* (steps) {
      for await (const step of steps) {
        yield step;
        yield step;
      }
    }),
    breaks: ["a tail gives each wave once, in the order of the record, and goes on with what comes"],
  },
  {
    name: "begins each tail at the start",
    create: tailing(
      (recorder) =>
        ({ patterns }, signal) =>
          recorder.tail({ patterns }, signal),
    ),
    breaks: ["a tail begins after the position that it is told", "a tail refuses what is no position of the record"],
  },
  {
    name: "begins each tail with the wave at its position",
    create: tailing((recorder) => ({ patterns, after }, signal) => {
      const before = after === undefined || after === "1" ? undefined : String(Number(after) - 1);
      return recorder.tail({ patterns, after: before }, signal);
    }),
    breaks: ["a tail begins after the position that it is told"],
  },
  {
    name: "takes the first pattern of a tail alone",
    create: tailing(
      (recorder) =>
        ({ patterns, after }, signal) =>
          recorder.tail({ patterns: patterns.slice(0, 1), after }, signal),
    ),
    breaks: ["a tail takes several patterns in one order"],
  },
  {
    name: "forgets what a tail has not taken soon",
    create: stepping(latest),
    breaks: ["a tail waits for whoever reads it"],
  },
  {
    name: "tells of waves alone",
    create: stepping(async function* (steps) {
      for await (const step of steps) {
        if (step.wave !== undefined) {
          yield step;
        }
      }
    }),
    breaks: ["a tail tells how far it has come where nothing is asked for"],
  },
  {
    name: "does not listen to the signal of a tail",
    create: tailing((recorder) => (query) => recorder.tail(query, new AbortController().signal)),
    breaks: ["a tail ends when it is told to"],
  },
  {
    name: "compares positions the wrong way round",
    create: () =>
      alteredRecorder({ recorder: (recorder) => ({ compare: (one, other) => recorder.compare(other, one) }) }),
    breaks: ["positions are compared as the record has them"],
  },
  {
    name: "tells the end of the record as it was before",
    create() {
      let last: string | undefined;
      return alteredRecorder({
        recorder: (recorder) => ({
          async end() {
            const before = last;
            last = await recorder.end();
            return before;
          },
        }),
      });
    },
    breaks: ["the end of the record covers its last wave, and no wave that comes"],
  },
  {
    name: "keeps snapshots for each link",
    create: () =>
      alteredRecorder({
        recorder: (recorder) => ({
          snapshots: new RememberingSnapshots((one, other) => recorder.compare(one, other)),
        }),
      }),
    breaks: ["a snapshot is loaded from everywhere, as it was saved", "a snapshot outlives the link that saved it"],
  },
  {
    name: "forgets the snapshots of a link that closes",
    create() {
      const kept = new Map<object, Snapshot>();
      return alteredRecorder({
        recorder: (_, link) => ({
          snapshots: {
            save: async (_name, snapshot) => void kept.set(link, snapshot),
            async *load() {
              yield* kept.values();
            },
          },
        }),
        link: (link) => ({
          async close() {
            kept.delete(link);
            await link.close();
          },
        }),
      });
    },
    breaks: ["a snapshot outlives the link that saved it", "snapshots under different names are kept apart"],
  },
  {
    name: "takes the snapshot that was saved last for the latest",
    create() {
      const kept = new Map<string, Snapshot>();
      const key = ({ vibrator, view }: SnapshotName): string => JSON.stringify([vibrator, view]);
      return keeping(() => ({
        save: async (name, snapshot) => void kept.set(key(name), snapshot),
        async *load(name) {
          const snapshot = kept.get(key(name));
          if (snapshot !== undefined) {
            yield snapshot;
          }
        },
      }))();
    },
    breaks: ["the snapshot that covers most comes first, whichever was saved last"],
  },
];
