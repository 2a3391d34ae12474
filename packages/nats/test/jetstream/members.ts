/** Links and followers for tests of the record: what core does with them, in a few lines. */

import {
  type Custody,
  type Follower,
  type Following,
  type From,
  type Link,
  type Listener,
  type Moment,
  type Recorded,
  type Recorder,
  type RecordQuery,
  systemClock,
  Wave,
  type WaveInit,
} from "@aether/core";
import { NatsLink } from "../../src/link/nats-link.ts";
import { checkedOptions, type NatsOptions } from "../../src/options.ts";

/** This moment, by the clock of the machine. */
export function moment(): Moment {
  return {
    at: systemClock.monotonic(),
    surroundings: {
      clock: systemClock,
      perHop: 0.95,
      minAmplitude: 0.01,
      maxLifetimeMs: 3_600_000,
      wallOffsetMs: systemClock.now() - systemClock.monotonic(),
    },
  };
}

/** A link with a recorder. */
export interface Member extends AsyncDisposable {
  readonly link: Link;
  readonly recorder: Recorder;
  /** How often the connection was lost. */
  readonly disconnections: number;
}

/** Opens a link to the server at `url`. */
export async function member(url: string, namespace: string, options: NatsOptions = {}): Promise<Member> {
  let disconnections = 0;
  const link = await NatsLink.open(checkedOptions({ servers: url, namespace, ...options }), {
    connected: () => {},
    disconnected: () => {
      disconnections++;
    },
    interest: () => {},
    reflected: () => {},
    moment,
  });
  const { recorder } = link;
  if (recorder === undefined) {
    throw new Error("Expected a recorder");
  }
  return {
    link,
    recorder,
    get disconnections() {
      return disconnections;
    },
    [Symbol.asyncDispose]: () => link.close(),
  };
}

/** A wave as an emitter makes it. */
export function waveOf(id: string, channel: string, amplitude = 0.5, rest: Partial<WaveInit> = {}): Wave {
  return Wave.of({
    ...{ id, channel, kind: "event", payload: { id }, amplitude, moment: moment(), halfLifeMs: 60_000, hops: 1 },
    ...{ origin: { source: "alpha", sourceId: "alpha-1" }, cause: undefined, trace: id, bytes: 0, extras: undefined },
    ...rest,
  });
}

/** The time until which an emit waits. */
export function within(timeoutMs: number): number {
  return systemClock.monotonic() + timeoutMs;
}

/** A wave that a follower was handed. */
export interface Handed {
  readonly wave: Wave;
  readonly custody: Custody;
}

/** A follower that keeps what it is handed, and settles it as it is told. */
export class Hand implements Follower {
  readonly presence: Follower["presence"];
  readonly handed: Handed[] = [];
  malformedCount = 0;
  /** How much it takes at most at once. */
  room: number;
  /** Most that it ever had in hand. */
  most = 0;
  /** What it does with a wave; `undefined`: it keeps it. */
  settle: ((handed: Handed) => void) | undefined;
  following: Following | undefined;
  #inHand = 0;

  constructor(group: string, pattern: string, room: number, settle?: (handed: Handed) => void, name: string = pattern) {
    this.presence = { vibrator: group, instance: `${group}-1`, pattern, group, name };
    this.room = room;
    this.settle = settle;
  }

  get wanted(): number {
    return Math.max(0, this.room - this.#inHand);
  }

  get ids(): readonly string[] {
    return this.handed.map(({ wave }) => wave.id);
  }

  take(wave: Wave, custody: Custody): void {
    this.#inHand++;
    this.most = Math.max(this.most, this.#inHand);
    const handed: Handed = {
      wave,
      custody: {
        done: () => {
          this.#freed();
          return custody.done();
        },
        giveBack: (delayMs) => {
          this.#freed();
          custody.giveBack(delayMs);
        },
      },
    };
    this.handed.push(handed);
    this.settle?.(handed);
  }

  malformed(count = 1): void {
    this.malformedCount += count;
  }

  #freed(): void {
    this.#inHand--;
    queueMicrotask(() => this.following?.wants());
  }

  async follow({ recorder }: Member, from: From = "new"): Promise<this> {
    this.following = await recorder.follow(this, from);
    return this;
  }
}

/** Is done with whatever comes, at once. */
export function done({ custody }: Handed): void {
  void custody.done();
}

/** Everything that `query` reads. */
export async function readAll({ recorder }: Member, query: RecordQuery = {}): Promise<Recorded[]> {
  const all: Recorded[] = [];
  for await (const recorded of recorder.read(query)) {
    all.push(recorded);
  }
  return all;
}

/** Records `waves` one after the other, and gives their positions. */
export async function recordAll({ recorder }: Member, waves: readonly Wave[]): Promise<string[]> {
  return Promise.all(waves.map((wave) => recorder.record(wave, within(30_000))));
}

/** A listener that keeps what it hears. */
export function ear(group: string, pattern: string, heard: Wave[], observes = false): Listener {
  return {
    presence: { vibrator: group, instance: `${group}-1`, pattern, group, name: pattern },
    observes,
    full: false,
    openBand: 0,
    runHops: 0,
    runWaves: 0,
    runBytes: 0,
    hears: () => true,
    diffracts: false,
    opaqueTo: () => false,
    adapts: false,
    lowestBand: 0,
    filtered: () => {},
    room: () => Promise.resolve(),
    receive: (wave) => {
      heard.push(wave);
      return "admitted";
    },
    receiveRun: () => {},
    malformed: () => {},
  };
}
