/** Random histories of a shop's record: waves, views that begin, save, die and begin again, and damage in between. */

import {
  Aether,
  type DeepReadonly,
  type Link,
  type Medium,
  type MediumEvents,
  type Recorder,
  type Snapshot,
  seededRandom,
  type TailStep,
  type View,
  type Wave,
} from "@aether/core";
import { passedRecorder } from "../../packages/testing/test/broken/passed-recorder.ts";
import { remembering } from "../../packages/testing/test/lawful/remembering.ts";
import { recorderOf } from "./world.ts";

/** A state that tells any two histories apart: what came, in which order, how often. */
export interface Told {
  waves: number;
  chain: number;
  readonly sums: Record<string, number>;
}

export function nothing(): Told {
  return { waves: 0, chain: 7, sums: {} };
}

/** Folds by changing the state, or by making another one: both are allowed. */
export function tell(state: Told, wave: Wave): Told | undefined {
  const key = wave.key ?? "none";
  const sum = (state.sums[key] ?? 0) + Number(wave.payload);
  const chain = (Math.imul(state.chain, 31) + Number(wave.payload)) | 0;
  if (chain % 2 === 0) {
    return { waves: state.waves + 1, chain, sums: { ...state.sums, [key]: sum } };
  }
  state.waves++;
  state.chain = chain;
  state.sums[key] = sum;
  return undefined;
}

/** What is changed about a recorder. */
export type Alteration = (recorder: Recorder) => Partial<Recorder>;

/** `medium` whose recorders are as `alter` changes them. */
export function altered(medium: Medium, alter: Alteration): Medium {
  const open = async (events: MediumEvents): Promise<Link> => {
    const link = await medium.open(events);
    const { recorder } = link;
    if (recorder === undefined) {
      throw new Error("Expected a medium that records");
    }
    const passed: Recorder = {
      ...passedRecorder(recorder),
      deadLetters: recorder.deadLetters,
      snapshots: recorder.snapshots,
    };
    return { ...link, recorder: { ...passed, ...alter(passed) } };
  };
  return { ...medium, open };
}

/** The steps of `recorder`'s tails as `change` makes them. */
export function steps(change: (step: TailStep) => Iterable<TailStep>): Alteration {
  return (recorder) => ({
    async tail(query, signal) {
      const inner = await recorder.tail(query, signal);
      return (async function* () {
        for await (const step of inner) {
          yield* change(step);
        }
      })();
    },
  });
}

/** One process with a view, which may die at any moment, and may find its snapshots damaged. */
class Process {
  readonly view: View<Told>;
  readonly aether: Aether;
  readonly #life: { isOver: boolean };

  // biome-ignore lint/style/useConsistentMemberAccessibility: a constructor cannot be named #private
  private constructor(view: View<Told>, aether: Aether, life: { isOver: boolean }) {
    this.view = view;
    this.aether = aether;
    this.#life = life;
  }

  static async begin(medium: Medium, random: () => number, alter: Alteration): Promise<Process> {
    const life = { isOver: false };
    // What is wrong with the recorder stands closest to the view.
    const aether = await Aether.connect({ medium: altered(altered(medium, mortal(life, random)), alter), random });
    const view = await aether.vibrator("shop").materialize("told", {
      channels: ["orders.*", "stock.changed"],
      initial: nothing,
      apply: tell,
      snapshotEvery: 1 + Math.floor(random() * 7),
    });
    return new Process(view, aether, life);
  }

  get isAlive(): boolean {
    return !this.#life.isOver;
  }

  die(): void {
    this.#life.isOver = true;
  }

  async close(): Promise<void> {
    await this.aether.close({ deadlineMs: 0 });
    this.die();
  }
}

/** The record as a process sees it: nothing reaches it, or leaves it, once its life is over. */
function mortal(life: { readonly isOver: boolean }, random: () => number): Alteration {
  return (recorder) => ({
    async tail(query, signal) {
      const inner = await recorder.tail(query, signal);
      return (async function* () {
        for await (const step of inner) {
          if (life.isOver) {
            return;
          }
          yield step;
        }
      })();
    },
    snapshots: {
      async save(name, snapshot) {
        await turn(); // It may die between the fold and the store.
        if (!life.isOver) {
          await recorder.snapshots?.save(name, snapshot);
        }
        await turn();
      },
      async *load(name) {
        for await (const loaded of recorder.snapshots?.load(name) ?? []) {
          yield "error" in loaded || random() > DAMAGED ? loaded : damaged(loaded, random);
        }
      },
    },
  });
}

const DAMAGED = 0.2;

/** One bit is another. */
function damaged({ position, state }: Snapshot, random: () => number): Snapshot {
  const bytes = state.slice();
  const at = Math.floor(random() * bytes.length);
  bytes[at] = (bytes[at] ?? 0) ^ (1 << Math.floor(random() * 8));
  return { position, state: bytes };
}

function turn(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}

const CHANNELS = ["orders.created", "orders.paid", "stock.changed", "other.thing"];
const KEYS = ["a", "b", "c"];

/** What is wrong at the end of the history of `seed`; `undefined`: nothing. */
export async function historyOf(seed: number, alter: Alteration = () => ({})): Promise<string | undefined> {
  const random = seededRandom(seed);
  const below = (most: number): number => Math.floor(random() * most);
  const medium = remembering();
  await using emitting = await Aether.connect({ medium, recorded: ["orders.>", "stock.>", "other.>"], random });
  const emitter = emitting.vibrator("emitter");
  const expected = nothing();
  const processes: Process[] = [];
  const emit = async (): Promise<void> => {
    for (let left = 1 + below(6); left > 0; left--) {
      const [channel = "", key = ""] = [CHANNELS[below(CHANNELS.length)], KEYS[below(KEYS.length)]];
      const payload = 1 + below(1000);
      await emitter.emit(channel, payload, { key, amplitude: random() });
      if (channel !== "other.thing") {
        expected.waves++;
        expected.chain = (Math.imul(expected.chain, 31) + payload) | 0;
        expected.sums[key] = (expected.sums[key] ?? 0) + payload;
      }
    }
  };
  try {
    for (let left = 6 + below(14); left > 0; left--) {
      const chance = random();
      const process = processes[below(processes.length)];
      if (chance < 0.5) {
        await emit();
      } else if (chance < 0.75 || process === undefined) {
        processes.push(await Process.begin(medium, random, alter));
      } else if (chance < 0.87) {
        process.die();
      } else if (chance < 0.95) {
        await process.close();
      } else {
        await process.view.snapshot().catch(() => undefined); // It may be closed.
      }
      for (let turns = below(4); turns > 0; turns--) {
        await turn();
      }
    }
    processes.push(await Process.begin(medium, random, alter));
    const end = await endOf(medium);
    await emitter.emit("other.thing", 0);
    for (const { view, isAlive } of processes) {
      if (isAlive && end !== undefined) {
        await view.reach(end);
      }
    }
    const wrong = processes.filter(({ isAlive }) => isAlive).map(({ view }) => shown(view.state));
    const unlike = wrong.find((state) => state !== shown(expected));
    return unlike === undefined ? undefined : `seed ${seed}: ${unlike} instead of ${shown(expected)}`;
  } catch (error) {
    return `seed ${seed}: ${String(error)}`;
  } finally {
    for (const process of processes) {
      await process.close();
    }
  }
}

async function endOf(medium: Medium): Promise<string | undefined> {
  return await (await recorderOf(medium)).end();
}

function shown({ waves, chain, sums }: DeepReadonly<Told>): string {
  return JSON.stringify([waves, chain, Object.entries(sums).sort(([a], [b]) => (a < b ? -1 : 1))]);
}
