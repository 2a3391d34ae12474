/** Snapshots of what views make of the record, where the recorder keeps them. */

import assert from "node:assert/strict";
import type { Snapshot, SnapshotName, SnapshotStore } from "@aether/core";
import type { Line } from "../stage.ts";
import type { RecorderGuarantee, RecordStage } from "./record-stage.ts";

/** The snapshots of one test. */
class Snapshots {
  readonly #stage: RecordStage;

  constructor(stage: RecordStage) {
    this.#stage = stage;
  }

  /** A name that no other test has. */
  name(view = "orders", vibrator = "shop"): SnapshotName {
    return { vibrator: `${vibrator}-${this.#stage.stage.token}`, view };
  }

  #store(line: Line): SnapshotStore {
    const { snapshots } = this.#stage.recorder(line);
    assert.ok(snapshots, "Expected each link to keep snapshots, as another one does");
    return snapshots;
  }

  async save(position: string, text: string, name = this.name(), line: Line = this.#stage.near): Promise<void> {
    const saving = this.#store(line).save(name, { position, state: new TextEncoder().encode(text) });
    await this.#stage.within(saving, "a snapshot is saved");
  }

  /** All that is there, as `position text`. */
  async load(name = this.name(), line: Line = this.#stage.far): Promise<readonly string[]> {
    const found: string[] = [];
    const loading = async (): Promise<void> => {
      for await (const loaded of this.#store(line).load(name)) {
        assert.ok(!("error" in loaded), "Expected a snapshot that can be read");
        found.push(shown(loaded));
      }
    };
    await this.#stage.within(loading(), "snapshots are loaded");
    return found;
  }

  async positions(count: number): Promise<readonly string[]> {
    return await this.#stage.recordAll(this.#stage.waves(count, this.#stage.at("orders")));
  }
}

function shown({ position, state }: Snapshot): string {
  return `${position} ${new TextDecoder().decode(state)}`;
}

/** A guarantee of recorders that keep snapshots; of others it asks nothing. */
function remembering(
  name: string,
  check: (stage: RecordStage, snapshots: Snapshots) => Promise<void>,
): RecorderGuarantee {
  return {
    name,
    async check(stage) {
      if ([stage.near, stage.far].some((line) => stage.recorder(line).snapshots !== undefined)) {
        await check(stage, new Snapshots(stage));
      }
    },
  };
}

export const rememberings: readonly RecorderGuarantee[] = [
  remembering("a snapshot is loaded from everywhere, as it was saved", async (stage, snapshots) => {
    const [position = ""] = await snapshots.positions(1);
    assert.deepEqual(await snapshots.load(), [], "snapshots before any was saved");
    const text = `line\nline ü ${"x".repeat(100_000)}`;
    await snapshots.save(position, text);
    for (const line of [stage.near, stage.far]) {
      assert.deepEqual(await snapshots.load(snapshots.name(), line), [`${position} ${text}`]);
    }
  }),
  remembering("a snapshot outlives the link that saved it", async (stage, snapshots) => {
    const [position = ""] = await snapshots.positions(1);
    const line = await stage.stage.line();
    await snapshots.save(position, "state", snapshots.name(), line);
    await stage.within(line.close(), "a link closes");
    const later = await stage.stage.line();
    assert.deepEqual(await snapshots.load(snapshots.name(), later), [`${position} state`]);
  }),
  remembering("the snapshot that covers most comes first, whichever was saved last", async (stage, snapshots) => {
    const [first = "", second = "", third = ""] = await snapshots.positions(3);
    await snapshots.save(first, "one");
    await snapshots.save(third, "three", snapshots.name(), stage.far);
    await snapshots.save(second, "two");
    const [latest, ...others] = await snapshots.load();
    assert.equal(latest, `${third} three`, "the snapshot that covers most");
    assert.ok(
      others.every((other) => other === `${first} one` || other === `${second} two`),
      `Expected those before it, got ${others.join(", ")}`,
    );
    await Promise.all([snapshots.save(third, "three"), snapshots.save(second, "two", snapshots.name(), stage.far)]);
    assert.equal((await snapshots.load())[0], `${third} three`, "the snapshot that covers most");
  }),
  remembering("snapshots under different names are kept apart", async (_, snapshots) => {
    const [position = ""] = await snapshots.positions(1);
    const names = [
      snapshots.name("orders"),
      snapshots.name("orders.all"),
      snapshots.name("orders_all"),
      snapshots.name("orders", "other"),
      snapshots.name("all", "shop.orders"),
    ];
    for (const [i, name] of names.entries()) {
      await snapshots.save(position, `state ${i}`, name);
    }
    for (const [i, name] of names.entries()) {
      assert.deepEqual(await snapshots.load(name), [`${position} state ${i}`], `snapshots of ${JSON.stringify(name)}`);
    }
  }),
];
