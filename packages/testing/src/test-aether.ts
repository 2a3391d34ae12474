/** An aether for tests: no server, no port, no sleep; time and chance are in the test's hands. */

import { setImmediate as turn } from "node:timers/promises";
import {
  Aether,
  AetherError,
  type AetherEvents,
  type AetherOptions,
  type AetherStats,
  type CloseOptions,
  type DeadLetters,
  type EventName,
  type Graph,
  type Handler,
  type Interceptor,
  inProcess,
  type Medium,
  matches,
  type ObserveOptions,
  type Resonance,
  seededRandom,
  type Vibrator,
  type VibratorOptions,
  type Wave,
  type WhenHeardOptions,
} from "@aether/core";
import { expected } from "./expected.ts";
import { VirtualClock } from "./virtual-clock.ts";

/** Options of {@link testAether}: those of `Aether.connect`, with time and chance as a test wants them. */
export interface TestAetherOptions extends Omit<AetherOptions, "clock"> {
  /** The time that the aether lives by; give several aethers the same one. Default: one of its own. */
  readonly clock?: VirtualClock | undefined;
  /** A whole number that ids and jitter follow from. Default: the environment's `AETHER_SEED`, else 1. */
  readonly seed?: number | undefined;
}

/** How many turns of the event loop must pass without a change before nothing is on its way any more. */
const STILL_TURNS = 10;
/** An aether that is busy for longer than this has a loop in it. */
const MOST_TURNS = 1_000_000;
const GOLDEN = 0x9e3779b9;

/** How many test aethers have joined a medium: each has randomness of its own, or their ids would be the same. */
const joined = new WeakMap<Medium, number>();

/**
 * Connects an aether for a test: in process (or on `medium`), on a {@link VirtualClock}, with payloads that go through
 * the codec as they would over a network, and with randomness that follows from a seed. Rejects as `Aether.connect`
 * does, and with `AETHER_BAD_OPTION` for a seed that is no whole number.
 */
export async function testAether(options: TestAetherOptions = {}): Promise<TestAether> {
  if (typeof options !== "object" || options === null) {
    throw expected("options of testAether", "an object", options);
  }
  const { seed: given, clock = new VirtualClock(), medium = inProcess(), ...rest } = options;
  const seed = seedOf(given);
  const others = joined.get(medium) ?? 0;
  joined.set(medium, others + 1);
  const random = seededRandom(seed + others * GOLDEN);
  const aether = await Aether.connect({ payloads: "codec", random, ...rest, medium, clock });
  const seen: Wave[] = [];
  await aether.observe(">", (wave) => {
    seen.push(wave);
  });
  return new TestAether(aether, clock, seed, seen);
}

function seedOf(given: number | undefined): number {
  const seed = given ?? Number(process.env["AETHER_SEED"] || 1);
  if (!Number.isSafeInteger(seed)) {
    throw new AetherError("AETHER_BAD_OPTION", `Expected \`seed\` (or AETHER_SEED) to be a whole number, got ${seed}`, {
      details: { option: "seed", got: seed },
    });
  }
  return seed;
}

/** An aether, its clock, and everything that was emitted around it. Made by {@link testAether}. */
export class TestAether implements AsyncDisposable {
  readonly aether: Aether;
  readonly clock: VirtualClock;
  /** What ids and jitter follow from: run a test again with `AETHER_SEED` set to it, and they are the same. */
  readonly seed: number;
  readonly #seen: readonly Wave[];

  constructor(aether: Aether, clock: VirtualClock, seed: number, seen: readonly Wave[]) {
    this.aether = aether;
    this.clock = clock;
    this.seed = seed;
    this.#seen = seen;
  }

  /**
   * The waves seen so far on `pattern` (default: all), oldest first: events, broadcasts, commands and queries, of
   * every aether on the medium, whether or not anybody heard them. Throws `AETHER_BAD_CHANNEL`.
   */
  waves(pattern = ">"): readonly Wave[] {
    return this.#seen.filter((wave) => matches(pattern, wave.channel));
  }

  /**
   * Resolves when nothing is on its way: ten turns of the event loop have passed in which no counter of `stats()`
   * changed, no wave was seen and nobody touched the clock. What waits for virtual time (a handler, a retry, a
   * timeout) or for the test (a paused resonance, waves that nobody takes) counts as still. Real timers and real
   * input and output inside handlers are not waited for. Rejects with `AETHER_TIMEOUT` when it is busy for ever.
   */
  async settled(): Promise<void> {
    let before = this.#fingerprint();
    let still = 0;
    for (let turns = 0; turns < MOST_TURNS; turns++) {
      await turn();
      const now = this.#fingerprint();
      still = now === before ? still + 1 : 0;
      if (still === STILL_TURNS) {
        return;
      }
      before = now;
    }
    throw new AetherError("AETHER_TIMEOUT", `Expected the aether to settle, got one busy after ${MOST_TURNS} turns`);
  }

  #fingerprint(): string {
    return `${this.clock.changes} ${this.#seen.length} ${JSON.stringify(this.aether.stats())}`;
  }

  /** Settles, lets `ms` milliseconds of virtual time pass with everything that falls due in them, and settles again. */
  async advance(ms: number): Promise<void> {
    await this.settled();
    await this.clock.advance(ms);
    await this.settled();
  }

  /** As `Aether.vibrator`. */
  vibrator(name: string, options?: VibratorOptions): Vibrator {
    return this.aether.vibrator(name, options);
  }

  /** As `Aether.observe`. */
  observe(pattern: string, handler?: Handler, options?: ObserveOptions): Promise<Resonance> {
    return this.aether.observe(pattern, handler, options);
  }

  /** As `Aether.use`. */
  use(interceptor: Interceptor): () => void {
    return this.aether.use(interceptor);
  }

  /** As `Aether.on`. */
  on<E extends EventName>(event: E, listener: (event: AetherEvents[E]) => void): () => void {
    return this.aether.on(event, listener);
  }

  /** As `Aether.stats`. */
  stats(): AetherStats {
    return this.aether.stats();
  }

  /** As `Aether.deadLetters`. */
  get deadLetters(): DeadLetters {
    return this.aether.deadLetters;
  }

  /** As `Aether.graph`. */
  graph(): Graph {
    return this.aether.graph();
  }

  /** As `Aether.whenHeard`. */
  whenHeard(channel: string | { readonly name: string }, options?: WhenHeardOptions): Promise<void> {
    return this.aether.whenHeard(channel, options);
  }

  /** As `Aether.close`, and lets as much virtual time pass as the drain needs: a handler that hangs does not hang it. */
  async close(options?: CloseOptions): Promise<void> {
    let closed = false;
    const closing = this.aether.close(options).finally(() => {
      closed = true;
    });
    // It is awaited below; a rejection before that is not an unhandled one.
    closing.catch(() => undefined);
    do {
      await this.settled();
    } while (!closed && (await this.clock.advanceToNext()));
    await closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
