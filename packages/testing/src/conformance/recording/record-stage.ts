/** The stage of one test of a recorder: links of the medium under test, hands that follow, and waves to record. */

import assert from "node:assert/strict";
import {
  type From,
  type Medium,
  type Recorded,
  type Recorder,
  type RecordQuery,
  systemClock,
  type Wave,
} from "@aether/core";
import type { Checked } from "../conformance-case.ts";
import { type Line, Stage } from "../stage.ts";
import type { TestWaveInit } from "../test-wave.ts";
import { turns } from "../wait.ts";
import { Hand, type HandOptions } from "./hand.ts";

/** How long the record of one wave may take, in milliseconds. */
const RECORD_MS = 10_000;

/** Everything that one test of a recorder works with. All its channels are recorded. */
export class RecordStage {
  readonly stage: Stage;
  #hands = 0;

  constructor(stage: Stage) {
    this.stage = stage;
  }

  static async open(create: () => Medium | Promise<Medium>, deadlineMs: number): Promise<RecordStage> {
    const stage = new RecordStage(await Stage.open(create, deadlineMs));
    const { near, far } = stage.stage;
    const pattern = stage.at(">");
    await stage.within(stage.recorder(near).declare([pattern]), "patterns are declared");
    await stage.until(
      () => stage.recorder(far).records(pattern),
      () => `"${pattern}" is known to be recorded`,
    );
    return stage;
  }

  get near(): Line {
    return this.stage.near;
  }

  get far(): Line {
    return this.stage.far;
  }

  /** What is recorded from `line`. */
  recorder(line: Line): Recorder {
    const { recorder } = line.link;
    assert.ok(recorder, "Expected a link with a recorder, as the trait `durable` says");
    return recorder;
  }

  at(rest: string): string {
    return this.stage.at(rest);
  }

  waves(count: number, channel: string, init?: Partial<TestWaveInit>): Wave[] {
    return Array.from({ length: count }, (_, i) =>
      this.stage.wave(channel, { payload: { n: i }, halfLifeMs: Number.POSITIVE_INFINITY, ...init }),
    );
  }

  wave(channel: string, init?: Partial<TestWaveInit>): Wave {
    const [wave] = this.waves(1, channel, init);
    assert.ok(wave);
    return wave;
  }

  /** Records `wave` from `line`; resolves to its position. */
  async record(wave: Wave, line: Line = this.far): Promise<string> {
    const recorder = this.recorder(line);
    const kept = recorder.record(wave, systemClock.monotonic() + RECORD_MS);
    return await this.within(kept, `a wave on "${wave.channel}" is recorded`);
  }

  /** Records `waves` one after the other; resolves to their positions. */
  async recordAll(waves: readonly Wave[], line: Line = this.far): Promise<readonly string[]> {
    const positions: string[] = [];
    for (const wave of waves) {
      positions.push(await this.record(wave, line));
    }
    return positions;
  }

  /** A hand that follows `pattern`, once the recorder keeps its place. */
  async hand(line: Line, pattern: string, from: From = "start", options: HandOptions = {}): Promise<Hand> {
    const { token } = this.stage;
    const own = options.group === undefined ? options : { ...options, group: `${token}-${options.group}` };
    const hand = new Hand(pattern, `${token}-hand-${++this.#hands}`, own, (wave) => this.stage.isOwn(wave));
    const place = this.recorder(line).follow(hand, from);
    hand.followed(await this.within(place, `a follower of "${pattern}" has its place`));
    return hand;
  }

  /** Resolves when `hands` together were handed all of `waves`. */
  async have(hands: readonly Hand[], waves: readonly Wave[]): Promise<void> {
    await this.until(
      () => this.#missing(hands, waves) === 0,
      () => `${waves.length} waves are handed over, and ${this.#missing(hands, waves)} are still missing`,
    );
  }

  #missing(hands: readonly Hand[], waves: readonly Wave[]): number {
    const ids = new Set(hands.flatMap((hand) => hand.ids));
    return waves.filter(({ id }) => !ids.has(id)).length;
  }

  /**
   * Holds when `hands` together were handed each of `waves` once, and nothing else, by the time a last wave of the same
   * channel and amplitude has come.
   */
  async haveExactly(hands: readonly Hand[], waves: readonly Wave[], channel: string): Promise<void> {
    await this.have(hands, waves);
    const last = this.wave(channel);
    await this.record(last);
    await this.have(hands, [last]);
    await turns();
    const ids = hands.flatMap((hand) => hand.ids).filter((id) => id !== last.id);
    assert.deepEqual([...ids].sort(), waves.map(({ id }) => id).sort(), "the waves that were handed over");
  }

  /** What `query` reads of this stage. */
  async read(query: RecordQuery, line: Line = this.near): Promise<readonly Recorded[]> {
    const found: Recorded[] = [];
    const reading = async (): Promise<void> => {
      for await (const recorded of this.recorder(line).read({ pattern: this.at(">"), ...query })) {
        found.push(recorded);
      }
    };
    await this.within(reading(), "a read ends");
    return found;
  }

  async until(condition: () => boolean, what: () => string): Promise<void> {
    await this.stage.until(condition, what);
  }

  async within<T>(promise: Promise<T>, what: string): Promise<T> {
    return await this.stage.within(promise, what);
  }

  async close(): Promise<void> {
    await this.stage.close();
  }
}

/** A guarantee of recorders, and how it is checked. */
export type RecorderGuarantee = Checked<RecordStage>;
