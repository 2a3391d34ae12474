/** Delivery: what happens to a wave when it reaches a resonance, from the gate through the inbox to its handler. */

import type { Clock } from "../clock.ts";
import { AmplitudeQueue, type AmplitudeQueueOptions } from "../inbox/amplitude-queue.ts";
import { KeyedQueue } from "../inbox/keyed-queue.ts";
import { SeenIds } from "../inbox/seen-ids.ts";
import type { Physics } from "../physics/physics.ts";
import type { Refusal, Teller } from "../wave/exchange.ts";
import type { Wave } from "../wave/wave.ts";
import type { Presence, Spare, Uptake } from "../medium/medium.ts";
import type { Observers } from "./observers.ts";
import { type AbsorbReason, Tally } from "./stats.ts";

/** What a resonance lets in. */
export interface Gate {
  /** Amplitude below which it does not listen, 0..1. */
  readonly floor: number;
  /** Whether it hears what its own service emits. */
  readonly echo: boolean;
  /** Names of the sources it hears; `undefined`: all. */
  readonly allowed: ReadonlySet<string> | undefined;
  /** Whether a wave may come twice through no fault of its emitter. */
  readonly dedupe: boolean;
}

/** Bounds and order of an inbox. */
export interface InboxSettings {
  readonly capacity: number;
  readonly bytes: number;
  readonly order: "banded" | "fifo" | "key";
}

/** Everything a delivery works with. */
export interface DeliverySettings {
  readonly presence: Presence;
  readonly gate: Gate;
  readonly inbox: InboxSettings;
  readonly physics: Physics;
  readonly clock: Clock;
  readonly observers: Observers;
}

/**
 * Why `wave` does not pass `gate` on its arrival; `undefined` when it does. The order is that of docs/physics.md §11.
 */
export function refusalAt(gate: Gate, wave: Wave, service: string, physics: Physics): AbsorbReason | undefined {
  if (gate.allowed !== undefined && !gate.allowed.has(wave.source)) {
    return "unauthorised";
  }
  if (wave.hops > physics.maxHops) {
    return "hops";
  }
  if (!gate.echo && wave.source === service) {
    return "echo";
  }
  if (physics.enabled) {
    const heard = wave.arrivalAmplitude;
    if (heard < physics.minAmplitude) {
      return "expired";
    }
    if (heard < gate.floor) {
      return "floor";
    }
  }
  return undefined;
}

/** What the emitter of a command or query is told, by the reason for which its wave was absorbed. */
const REFUSALS: Partial<Record<AbsorbReason, Refusal["code"]>> = {
  floor: "AETHER_SHED",
  evicted: "AETHER_SHED",
  closed: "AETHER_DRAINING",
  unauthorised: "AETHER_UNAUTHORISED",
  hops: "AETHER_EXHAUSTED",
  expired: "AETHER_FADED",
};

/** The receiving half of one resonance: its gate, its inbox and its counters. */
export class Delivery {
  readonly #settings: DeliverySettings;
  readonly #tally = new Tally();
  #queue: AmplitudeQueue<Wave> | undefined;
  #keyed: KeyedQueue<Wave> | undefined;
  #seen: SeenIds | undefined;
  /** Waves that are on their way back to the inbox or to a handler: counted as queued. */
  #held = 0;
  #closed = false;
  #slow = false;
  #roomWaiters: (() => void)[] | undefined;

  constructor(settings: DeliverySettings) {
    this.#settings = settings;
  }

  get presence(): Presence {
    return this.#settings.presence;
  }

  get teller(): Teller {
    const { vibrator, instance } = this.#settings.presence;
    return { by: vibrator, byId: instance };
  }

  /** Waves in the inbox. */
  get size(): number {
    return this.#queue?.size ?? this.#keyed?.size ?? 0;
  }

  get full(): boolean {
    return this.#queue?.full ?? this.#keyed?.full ?? false;
  }

  /** The counters at this moment. */
  get tally(): Tally {
    this.#tally.queued = this.size + this.#held;
    return this.#tally;
  }

  /** Amplitude from which on every plain wave passes the gate; `Infinity`: each is looked at. */
  get threshold(): number {
    const { gate, physics, inbox } = this.#settings;
    if (this.#closed || !gate.echo || gate.dedupe || gate.allowed !== undefined || inbox.order === "key") {
      return Number.POSITIVE_INFINITY;
    }
    // Twice the least: such a wave is audible for at least its half-life, so nobody needs to look again at once.
    return physics.enabled ? Math.max(gate.floor, 2 * physics.minAmplitude) : 0;
  }

  /** What the inbox takes before it is over half full. */
  get spare(): Spare {
    const { capacity, bytes } = this.#settings.inbox;
    const inbox = this.#queue ?? this.#keyed;
    return {
      waves: Math.floor(capacity / 2) - this.#held - (inbox?.size ?? 0),
      bytes: Math.floor(bytes / 2) - (inbox?.bytes ?? 0),
    };
  }

  /** `count` plain waves have come, and are held until each is {@link unhold}: they passed the gate by {@link threshold}. */
  arrive(count: number): void {
    this.#tally.received += count;
    this.#held += count;
  }

  /** Puts a plain wave that is held into the inbox. It fits: no more come in a run than there is room for. */
  enqueue(wave: Wave): void {
    this.#held--;
    for (const victim of this.#put(wave)) {
      this.absorb(victim, "evicted");
    }
  }

  /** Takes a wave from the medium: through the gate into the inbox, or absorbed with its reason. */
  offer(wave: Wave): Uptake {
    this.#tally.received++;
    const { gate, physics, presence } = this.#settings;
    const reason = this.#closed ? "closed" : refusalAt(gate, wave, presence.vibrator, physics);
    if (reason !== undefined) {
      this.#refuse(wave, reason);
      return "refused";
    }
    if ((gate.dedupe || wave.named) && this.#isRepeated(wave)) {
      this.#repeat(wave);
      return "admitted";
    }
    const lost = this.#put(wave);
    for (let i = 0; i < lost.length; i++) {
      const victim = lost[i];
      if (victim === wave) {
        this.#forgetId(wave);
        this.#refuse(wave, "evicted");
        return "refused";
      }
      if (victim !== undefined) {
        this.absorb(victim, "evicted");
      }
    }
    wave.exchange?.admitted(this.teller);
    return this.#uptake();
  }

  #put(wave: Wave): readonly Wave[] {
    if (this.#queue !== undefined) {
      return this.#queue.push(wave, wave.amplitude, wave.bytes);
    }
    if (this.#keyed !== undefined) {
      return this.#keyed.push(wave, wave.amplitude, wave.bytes);
    }
    const { capacity, bytes, order } = this.#settings.inbox;
    const options: AmplitudeQueueOptions = {
      cap: capacity,
      capBytes: bytes,
      order: order === "fifo" || !this.#settings.physics.enabled ? "fifo" : "banded",
    };
    if (order === "key") {
      this.#keyed = new KeyedQueue<Wave>(options);
    } else {
      this.#queue = new AmplitudeQueue<Wave>(options);
    }
    return this.#put(wave);
  }

  #uptake(): Uptake {
    const { capacity, bytes } = this.#settings.inbox;
    const inbox = this.#queue ?? this.#keyed;
    if (inbox === undefined || (inbox.size * 2 <= capacity && inbox.bytes * 2 <= bytes)) {
      this.#slow = false;
      return "admitted";
    }
    if (!this.#slow) {
      this.#slow = true;
      const { observers, presence } = this.#settings;
      if (observers.slow.listens) {
        observers.slow.tell({ vibrator: presence.vibrator, pattern: presence.pattern, queued: inbox.size });
      }
    }
    return "crowded";
  }

  #isRepeated(wave: Wave): boolean {
    this.#seen ??= new SeenIds();
    return !this.#seen.add(wave.id, this.#settings.clock.monotonic());
  }

  #repeat(wave: Wave): void {
    wave.exchange?.admitted(this.teller);
    this.#count(wave, "duplicate");
    wave.exchange?.silent(this.teller);
  }

  /** The next wave that is still worth handling at `now` (monotonic); the others are absorbed on the way. */
  take(now: number): Wave | undefined {
    const inbox = this.#queue ?? this.#keyed;
    for (;;) {
      const wave = inbox?.pop();
      if (wave === undefined) {
        return undefined;
      }
      if (this.#roomWaiters !== undefined) {
        this.#tellRoom();
      }
      if (wave.hasFaded(now) || wave.exchange?.over === true) {
        this.absorb(wave, "expired");
      } else {
        return wave;
      }
    }
  }

  /** A wave that was taken is being handled, or is in an iterator's hands. */
  delivered(wave: Wave): void {
    this.#tally.delivered++;
    const { observers, presence } = this.#settings;
    if (observers.delivered.listens) {
      const { vibrator, pattern } = presence;
      observers.delivered.tell({ id: wave.id, channel: wave.channel, wave, vibrator, pattern });
    }
  }

  /** A wave that was taken is out of the inbox and not yet delivered: it counts as queued. */
  hold(): void {
    this.#held++;
  }

  /** The opposite of {@link hold}. */
  unhold(): void {
    this.#held--;
  }

  /** A handler started. */
  started(): void {
    this.#tally.running++;
  }

  /** A handler ended. */
  ended(): void {
    this.#tally.running--;
  }

  /** A delivered wave will be handled again: it counts as queued until then. */
  undeliver(): void {
    this.#tally.delivered--;
    this.#held++;
  }

  /** Puts a wave that was held back into the inbox. */
  putBack(wave: Wave): void {
    this.#held--;
    const lost = this.#keyed?.putBack(wave) ?? this.#put(wave);
    for (const victim of lost) {
      this.absorb(victim, "evicted");
    }
  }

  /** A wave of `order: "key"` is done with: the next one of its key may come. */
  release(wave: Wave): void {
    this.#keyed?.release(wave.key);
  }

  /** A delivered wave could not be handled. `final`: it will not be tried again. */
  failed(wave: Wave, error: unknown, attempt: number, final: boolean): void {
    if (final) {
      this.#tally.failed++;
      this.#forgetId(wave);
    }
    const { observers, presence } = this.#settings;
    if (observers.failed.listens) {
      const { vibrator, pattern } = presence;
      const { id, channel } = wave;
      observers.failed.tell({ id, channel, wave, vibrator, pattern, error, attempt, willRetry: !final });
    }
  }

  /** Drops a wave that was admitted, counts why, and tells the emitter of a command or query. */
  absorb(wave: Wave, reason: AbsorbReason): void {
    this.#keyed?.release(wave.key);
    this.#forgetId(wave);
    this.#count(wave, reason);
    const code = REFUSALS[reason];
    if (code !== undefined) {
      wave.exchange?.returned({ code, floor: this.#settings.gate.floor, ...this.teller });
    }
  }

  /** Drops a wave that was not admitted. */
  #refuse(wave: Wave, reason: AbsorbReason): void {
    this.#count(wave, reason);
    const code = REFUSALS[reason];
    if (code !== undefined) {
      wave.exchange?.refused({ code, floor: this.#settings.gate.floor, ...this.teller });
    }
  }

  /** Drops a wave that was taken because its payload breaks the schema. */
  malformed(wave: Wave): void {
    this.#keyed?.release(wave.key);
    this.#forgetId(wave);
    this.#count(wave, "malformed");
  }

  #forgetId(wave: Wave): void {
    this.#seen?.delete(wave.id);
  }

  #count(wave: Wave, reason: AbsorbReason): void {
    this.#tally.absorb(reason);
    const { observers, presence } = this.#settings;
    if (observers.absorbed.listens) {
      const { vibrator, pattern } = presence;
      observers.absorbed.tell({ id: wave.id, channel: wave.channel, wave, vibrator, pattern, reason });
    }
  }

  /** From now on everything that comes is absorbed as `closed`. */
  close(): void {
    this.#closed = true;
  }

  /** Absorbs what is in the inbox: everything, or commands and queries only. */
  clear(which: "all" | "requests"): void {
    const inbox = this.#queue ?? this.#keyed;
    const kept: Wave[] = [];
    for (let wave = inbox?.pop(); wave !== undefined; wave = inbox?.pop()) {
      if (which === "requests" && wave.exchange === undefined) {
        kept.push(wave);
        this.#held++;
      } else {
        this.absorb(wave, "closed");
      }
    }
    for (const wave of kept) {
      this.putBack(wave);
    }
    this.#tellRoom();
  }

  /** Resolves when the inbox has room. */
  room(): Promise<void> {
    if (!this.full) {
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      this.#roomWaiters ??= [];
      this.#roomWaiters.push(resolve);
    });
  }

  #tellRoom(): void {
    const waiters = this.#roomWaiters;
    this.#roomWaiters = undefined;
    for (const resolve of waiters ?? []) {
      resolve();
    }
  }
}
