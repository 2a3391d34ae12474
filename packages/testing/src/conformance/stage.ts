/** The stage of one conformance test: links of the medium under test, ears on them, and waves between them. */

import assert from "node:assert/strict";
import type { Link, Medium, Outlet, Reflection, Traits, Tuning, Wave } from "@aether/core";
import type { Checked } from "./conformance-case.ts";
import { Ear, type EarOptions, type EarSurroundings } from "./ear.ts";
import { moment, type TestWaveInit, testWave } from "./test-wave.ts";
import { turns, until, within } from "./wait.ts";

/** A link, and what its medium has told it. */
export class Line {
  readonly medium: Medium;
  /** How often it was told that it is connected. */
  connected = 0;
  /** How often it was told that interest has changed. */
  interests = 0;
  readonly reflections: Reflection[] = [];
  readonly #outlets = new Map<string, Outlet>();
  #link: Link | undefined;
  /** The stage sends no more markers from here. */
  closed = false;

  constructor(medium: Medium) {
    this.medium = medium;
  }

  static async open(medium: Medium): Promise<Line> {
    const line = new Line(medium);
    line.#link = await medium.open({
      connected: () => void line.connected++,
      disconnected: () => undefined,
      interest: () => void line.interests++,
      reflected: (reflection) => void line.reflections.push(reflection),
      moment,
    });
    return line;
  }

  get link(): Link {
    assert.ok(this.#link, "Expected `open` to give a link");
    return this.#link;
  }

  /** The one outlet of `channel`. */
  outlet(channel: string): Outlet {
    const known = this.#outlets.get(channel) ?? this.link.outlet(channel);
    this.#outlets.set(channel, known);
    return known;
  }

  async close(): Promise<void> {
    this.closed = true;
    await this.link.close();
  }
}

/** An ear and its place in the medium. */
export type Tuned = Ear & { readonly tuning: Tuning };

let stages = 0;

/** Everything that one conformance test works with. */
export class Stage implements EarSurroundings {
  readonly traits: Traits;
  /** Where ears listen, as a rule. */
  readonly near: Line;
  /** Where waves come from, as a rule: a link of its own, across processes one of another medium. */
  readonly far: Line;
  readonly deadlineMs: number;
  /** The first token of every channel of this stage, and the beginning of every id. */
  readonly token: string = `s${++stages}x${crypto.randomUUID().slice(0, 8)}`;
  /** Whether a `propagate` is on the call stack. */
  propagating = false;
  readonly #lines: Line[];
  readonly #witnesses = new Map<Line, Ear>();
  #count = 0;

  constructor(near: Line, far: Line, deadlineMs: number) {
    this.near = near;
    this.far = far;
    this.traits = near.medium.traits;
    this.deadlineMs = deadlineMs;
    this.#lines = [near, far];
  }

  static async open(create: () => Medium | Promise<Medium>, deadlineMs: number): Promise<Stage> {
    const medium = await create();
    const other = medium.traits.crossProcess ? await create() : medium;
    const near = await within(Line.open(medium), "a link opens", deadlineMs);
    const far = await within(Line.open(other), "a second link opens", deadlineMs);
    return new Stage(near, far, deadlineMs);
  }

  /** One more link. */
  async line(medium: Medium = this.far.medium): Promise<Line> {
    const line = await within(Line.open(medium), "another link opens", this.deadlineMs);
    this.#lines.push(line);
    return line;
  }

  /** A channel or pattern of this stage. */
  at(rest: string): string {
    return `${this.token}.${rest}`;
  }

  /** A wave of this stage. */
  wave(channel: string, init: Partial<TestWaveInit> = {}): Wave {
    return testWave({ id: `${this.token}-${++this.#count}`, ...init, channel });
  }

  /** `count` waves of this stage. */
  waves(count: number, channel: string, init: Partial<TestWaveInit> = {}): Wave[] {
    return Array.from({ length: count }, () => this.wave(channel, init));
  }

  isOwn(wave: Wave): boolean {
    return wave.id.startsWith(`${this.token}-`);
  }

  /** Whether `wave` only shows that interest has spread. */
  isWarmUp(wave: Wave): boolean {
    return wave.id.startsWith(`${this.token}-warm-`);
  }

  /** An ear on `pattern`, once the medium has confirmed it and everybody on this stage can be heard by it. */
  async ear(line: Line, pattern: string, options: EarOptions = {}): Promise<Tuned> {
    const ear = await this.tune(line, pattern, options);
    if (!this.traits.readyClusterWide) {
      await Promise.all(this.#lines.map((from, i) => this.#warm(from, ear, `${this.token}-line-${i}`)));
    }
    return ear;
  }

  /** An ear on `pattern`, once the medium has confirmed it. */
  async tune(line: Line, pattern: string, options: EarOptions = {}): Promise<Tuned> {
    const ear = new Ear(pattern, `${this.token}-ear-${++this.#count}`, options, this);
    const tuning = await this.within(line.link.resonate(ear), `a listener on "${pattern}" is confirmed`);
    return Object.assign(ear, { tuning });
  }

  /** Sends broadcasts from `line` until `ear` hears one: interest has then spread there. */
  async #warm(line: Line, ear: Ear, sourceId: string): Promise<void> {
    if (line.closed) {
      return;
    }
    const channel = ear.presence.pattern.replaceAll(/[*>]/g, "x");
    const origin = { source: "conformance", sourceId };
    await this.until(
      () => {
        const warm = ear.warmedBy.has(sourceId);
        if (!warm) {
          const id = `${this.token}-warm-${++this.#count}`;
          this.send(line, this.wave(channel, { id, origin, kind: "broadcast" })).catch(() => undefined);
        }
        return warm;
      },
      () => `interest in "${ear.presence.pattern}" spreads`,
    );
  }

  /** Propagates `wave` from `line`; gives what the medium says, and throws what it throws. */
  propagate(line: Line, wave: Wave): number | undefined | Promise<number | undefined> {
    const outlet = line.outlet(wave.channel);
    const before = this.propagating;
    this.propagating = true;
    try {
      return outlet.propagate(wave);
    } finally {
      this.propagating = before;
    }
  }

  /** Propagates `wave` from `line`; resolves to the number of groups reached, where the medium knows it. */
  async send(line: Line, wave: Wave): Promise<number | undefined> {
    return await this.within(
      Promise.resolve(this.propagate(line, wave)),
      `propagate settles for a wave on "${wave.channel}"`,
    );
  }

  /** Propagates `waves` one after the other, each once the medium has taken the one before. */
  async sendAll(line: Line, waves: readonly Wave[]): Promise<void> {
    for (const wave of waves) {
      await this.send(line, wave);
    }
  }

  /** Propagates `waves` in one go, and waits for all of them then. */
  async burst(line: Line, waves: readonly Wave[]): Promise<void> {
    await Promise.all(waves.map((wave) => this.send(line, wave)));
  }

  async until(condition: () => boolean, what: () => string): Promise<void> {
    await until(condition, what, this.deadlineMs);
  }

  async within<T>(promise: Promise<T>, what: string): Promise<T> {
    return await within(promise, what, this.deadlineMs);
  }

  /** Resolves when `ear` was handed all of `waves`. */
  async hears(ear: Ear, waves: readonly Wave[]): Promise<void> {
    const missing = new Set(waves.map(({ id }) => id));
    let looked = 0;
    await this.until(
      () => {
        for (; looked < ear.waves.length; looked++) {
          missing.delete(ear.waves[looked]?.id ?? "");
        }
        return missing.size === 0;
      },
      () => `the listener on "${ear.presence.pattern}" hears ${waves.length} waves, and it still lacks ${missing.size}`,
    );
  }

  /**
   * Draws a line under everything that was propagated: a marker from each link must arrive at each link, and then the
   * event loop turns. What has not arrived now was not carried, as far as a medium keeps any order.
   */
  async curtain(): Promise<void> {
    const lines = this.#lines.filter((line) => !line.closed);
    const channel = this.at("curtain");
    for (const line of lines) {
      if (!this.#witnesses.has(line)) {
        this.#witnesses.set(line, await this.ear(line, channel));
      }
    }
    const markers: Wave[] = [];
    for (const line of lines) {
      const marker = this.wave(channel);
      markers.push(marker);
      await this.send(line, marker);
    }
    for (const line of lines) {
      const witness = this.#witnesses.get(line);
      assert.ok(witness);
      await this.hears(witness, markers);
    }
    await turns();
  }

  /**
   * Holds when `ear` has heard exactly `waves`, in any order, by the time the curtain falls. A medium that may hand
   * waves over twice is forgiven for that.
   */
  async hearsExactly(ear: Ear, waves: readonly Wave[]): Promise<void> {
    await this.hears(ear, waves);
    await this.curtain();
    this.heardExactly(ear, waves);
  }

  /** As {@link hearsExactly}, at this moment. */
  heardExactly(ear: Ear, waves: readonly Wave[]): void {
    const heard = this.#comparable(ear.waves);
    assert.deepEqual(heard, this.#comparable(waves), `what the listener on "${ear.presence.pattern}" has heard`);
  }

  #comparable(waves: readonly Wave[]): readonly string[] {
    const all = waves.map(({ id, channel }) => `${channel} ${id}`).sort();
    return this.traits.duplicates ? [...new Set(all)] : all;
  }

  /** Leaves the medium. A link that cannot be closed is another test's matter. */
  async close(): Promise<void> {
    const closings = this.#lines.map((line) => within(line.close(), "a link closes", this.deadlineMs));
    await Promise.allSettled(closings);
  }
}

/** A guarantee of the `Medium` contract and how it is checked. */
export type Guarantee = Checked<Stage>;
