/** Delivery: what happens to a wave when it reaches a resonance, from the gate through the inbox to its handler. */

import type { Clock } from "../../clock.ts";
import { halfOf, Inbox, type InboxSettings } from "../../inbox/inbox.ts";
import { SeenIds } from "../../inbox/seen-ids.ts";
import type { Listener, Presence, Run, Tuning, Uptake } from "../../medium/medium.ts";
import { BANDS } from "../../physics/amplitude.ts";
import type { Physics } from "../../physics/physics.ts";
import { beginsWild, isReserved } from "../../wave/channel-name.ts";
import type { ReflectCause, Teller } from "../../wave/exchange.ts";
import type { Wave } from "../../wave/wave.ts";
import type { DeadLetterBox } from "../failures/dead-letter-box.ts";
import type { Returns } from "../failures/returns.ts";
import type { Observers } from "../observers.ts";
import { type AbsorbReason, type Load, Tally } from "../stats.ts";
import { Adaptive, type AdaptiveSettings, type Loaded } from "./adaptive.ts";
import type { Consumer } from "./consumer.ts";
import { Drops } from "./drops.ts";
import { type Gate, lowestBandOf, openBandOf, refusalAt } from "./gate.ts";
import { Trouble } from "./trouble.ts";

/** What a delivery works by; those of one vibrator with the same options share it. */
export interface DeliverySettings {
  readonly teller: Teller;
  /** Whether it sees copies and takes no part. */
  readonly observes: boolean;
  readonly gate: Gate;
  /** What moves its noise floor; `undefined`: nothing does. */
  readonly adaptive: AdaptiveSettings | undefined;
  readonly inbox: InboxSettings;
  readonly physics: Physics;
  readonly clock: Clock;
  readonly observers: Observers;
  readonly returns: Returns;
  readonly deadLetters: DeadLetterBox;
}

/** Amplitudes, 0..1, that a noise floor was raised to from outside. */
interface Raised {
  readonly resonance: number;
  readonly vibrator: number;
}

/** Takes nothing: what a delivery has until its consumer is there. */
const NOBODY: Consumer = {
  held: 0,
  running: 0,
  wake: () => {},
  receiveRun: () => {},
  pause: () => {},
  resume: () => {},
  drain: () => Promise.resolve(),
};

/** The receiving half of one resonance: its gate, its inbox and its counters. */
export class Delivery implements Listener, Loaded {
  // What every wave touches stands first, and so close together.
  /** Waves that came. */
  #received = 0;
  /** Waves whose handler has started, or that are in a taker's hands; its consumer counts them. */
  delivered = 0;
  /** Waves that are on their way back to the inbox or to a handler: counted as queued. */
  #held = 0;
  #consumer: Consumer = NOBODY;
  /** Made when the first wave has to wait. */
  #inbox: Inbox<Wave> | undefined;
  readonly #settings: DeliverySettings;
  /** Its gate with its own floor, and with the floor where that was raised to. */
  #ownGate: Gate;
  #gate: Gate;
  /** What its floor was raised to, by whom. */
  #raised: Raised | undefined;
  readonly presence: Presence;
  /** Whether reserved channels are left out, for its pattern begins with a wildcard. */
  readonly #isWild: boolean;
  /** Its noise floor, where that follows the load. */
  adaptive: Adaptive | undefined;
  #failed = 0;
  /** Made when the first wave is dropped. */
  #drops: Drops | undefined;
  /** Made when the first run has failed, or where it may shed. */
  #trouble: Trouble | undefined;
  #seen: SeenIds | undefined;
  /** Delivered waves that went back to wait for another run. */
  #undelivered = 0;
  /** Whether others of its group are to have what it would hear. */
  aside = false;
  /** Waves that came here around another member of the group. */
  #diffracted = 0;
  #closed = false;
  #tuning: Tuning | undefined;

  constructor(presence: Presence, settings: DeliverySettings) {
    this.presence = presence;
    this.#isWild = beginsWild(presence.pattern);
    this.#settings = settings;
    this.#ownGate = settings.gate;
    this.#gate = settings.gate;
    this.adaptive = settings.adaptive && new Adaptive(settings.adaptive, settings.clock, this);
    this.#trouble = this.adaptive && this.#newTrouble();
  }

  /** Listens to nothing below `amplitude`, as long as that is above its own floor. 0 takes it back. */
  raiseFloor(by: keyof Raised, amplitude: number): void {
    const before = this.#gate.floor;
    this.#raised = { ...(this.#raised ?? { resonance: 0, vibrator: 0 }), [by]: amplitude };
    this.#raise();
    if (this.#gate.floor !== before) {
      this.floorMoved();
      this.bandMoved();
    }
  }

  #raise(): void {
    const gate = this.#ownGate;
    const floor = Math.max(gate.floor, this.#raised?.resonance ?? 0, this.#raised?.vibrator ?? 0);
    this.#gate = floor === gate.floor ? gate : { ...gate, floor };
  }

  /** Goes by another floor of its own from now on; what has come stays. */
  setFloor(floor: number, adaptive: AdaptiveSettings | undefined): void {
    const { clock } = this.#settings;
    this.#ownGate = { ...this.#ownGate, floor };
    this.#raise();
    this.adaptive?.close();
    this.adaptive = adaptive && new Adaptive(adaptive, clock, this);
    this.adaptive?.queued(this.size);
    this.#trouble ??= this.adaptive && this.#newTrouble();
    this.floorMoved();
    this.bandMoved();
  }

  /** Lets others of its group have what it would hear, or no longer. */
  standAside(isAside: boolean): void {
    if (this.presence.group !== false && this.aside !== isAside) {
      this.aside = isAside;
      this.bandMoved();
    }
  }

  get #dropping(): Drops {
    if (this.#drops === undefined) {
      const { vibrator, pattern } = this.presence;
      const floor = (): { readonly floor: number; readonly retryAfterMs: number | undefined } => ({
        floor: this.load.floor,
        retryAfterMs: this.adaptive?.retryAfterMs,
      });
      this.#drops = new Drops({ vibrator, pattern, settings: this.#settings, floor });
    }
    return this.#drops;
  }

  /** `undefined`: nobody goes around anybody. */
  #newTrouble(): Trouble | undefined {
    const { physics, clock } = this.#settings;
    return physics.diffracts
      ? new Trouble({ clock, shed: () => this.adaptive?.shed ?? 0, ended: () => this.#ended })
      : undefined;
  }

  /** Lets `consumer` take the waves from now on. */
  attach(consumer: Consumer): void {
    this.#consumer = consumer;
  }

  get observes(): boolean {
    return this.#settings.observes;
  }

  /** Who speaks when it answers or refuses. */
  get teller(): Teller {
    return this.#settings.teller;
  }

  /** Waves in the inbox. */
  get size(): number {
    return this.#inbox === undefined ? 0 : this.#inbox.size;
  }

  get full(): boolean {
    return this.#inbox?.full ?? false;
  }

  /** The counters at this moment. */
  get tally(): Tally {
    return new Tally({
      received: this.#received,
      delivered: this.delivered,
      queued: this.size + this.#held + this.#consumer.held,
      failed: this.#failed,
      running: this.#consumer.running,
      diffracted: this.#diffracted,
      absorbed: this.#drops?.counts,
    });
  }

  get openBand(): number {
    const { physics, inbox } = this.#settings;
    const gate = this.#gate;
    const sortsEach = inbox.order === "key" || (inbox.order === "strongest" && physics.bands);
    const looksAtEach = this.adaptive !== undefined || this.#closed || this.#inbox?.crowded === true || sortsEach;
    return looksAtEach ? BANDS : openBandOf(gate, physics);
  }

  hears(wave: Wave): boolean {
    const { physics } = this.#settings;
    const gate = this.#gate;
    const passes =
      !this.aside &&
      wave.fault === undefined &&
      !this.#closed &&
      refusalAt(gate, wave, this.presence.vibrator, physics) === undefined;
    return passes && this.adaptive?.hears(wave) !== false;
  }

  get adapts(): boolean {
    return this.adaptive !== undefined;
  }

  get lowestBand(): number {
    const { physics } = this.#settings;
    const gate = this.#gate;
    return Math.max(lowestBandOf(gate, physics), this.adaptive?.lowestBand ?? 0);
  }

  /** Counts a wave that the medium has kept away as if it had come, and been refused. */
  filtered(wave: Wave): void {
    if (this.#isWild && isReserved(wave.channel)) {
      return;
    }
    this.#received++;
    if (!wave.sound && wave.fault !== undefined) {
      this.#dropping.count(wave, "malformed");
      return;
    }
    this.#dropping.refused(wave, this.#refusalOf(wave) ?? "floor");
  }

  /** How high its noise floor is at this moment, and why. */
  get load(): Load {
    const { physics } = this.#settings;
    const gate = this.#gate;
    const { floor = 0, shed = 0, delayMs = 0 } = this.adaptive ?? {};
    return { floor: Math.max(floor, physics.floors ? gate.floor : 0), shed, delayMs };
  }

  /** Its noise floor is another one than before. */
  floorMoved(): void {
    const { vibrator, pattern } = this.presence;
    const { observers } = this.#settings;
    if (observers.floor.listens) {
      observers.floor.tell({ vibrator, pattern, ...this.load });
    }
  }

  /** Other bands than before are wanted. */
  bandMoved(): void {
    this.#tuning?.pressure();
  }

  get diffracts(): boolean {
    return this.#settings.physics.diffracts;
  }

  opaqueTo(wave: Wave): boolean {
    return this.#trouble?.opaqueTo(wave) === true;
  }

  /** Runs that have ended, well or not. */
  get #ended(): number {
    return this.delivered + this.#undelivered - this.#consumer.running;
  }

  get runHops(): number {
    return this.#settings.physics.maxHops;
  }

  /** Half of an inbox: with as much in it already, nothing has to give way. */
  get runWaves(): number {
    return halfOf(this.#settings.inbox).items;
  }

  get runBytes(): number {
    return halfOf(this.#settings.inbox).bytes;
  }

  /** Puts a plain wave of a run into the inbox. It fits: no more come in a run than there is room for. */
  enqueue(wave: Wave): void {
    const inbox = this.#openInbox();
    for (const victim of inbox.push(wave)) {
      this.absorb(victim, "evicted");
    }
    this.adaptive?.queued(inbox.size);
    this.#uptake(inbox);
  }

  /** Takes a wave from the medium: through the gate into the inbox, or absorbed with its reason. */
  receive(wave: Wave): Uptake {
    const uptake = this.#offer(wave);
    if (uptake !== "refused") {
      this.#consumer.wake();
    }
    return uptake;
  }

  receiveRun(waves: Run, from: number, to: number, mayHandle: boolean): void {
    if (waves.sound !== true && !areSound(waves, from, to)) {
      this.#receiveEach(waves, from, to);
    } else if (from < to) {
      this.#received += to - from;
      this.#consumer.receiveRun(waves, from, to, mayHandle);
    }
  }

  /** Takes a run one by one: its medium has put something in that is no plain wave. */
  #receiveEach(waves: readonly Wave[], from: number, to: number): void {
    for (const wave of waves.slice(from, to)) {
      this.receive(wave);
    }
  }

  malformed(count = 1): void {
    const heard = Number.isSafeInteger(count) && count > 0 ? count : 1;
    this.#received += heard;
    this.#dropping.malformed(heard);
  }

  #offer(wave: Wave): Uptake {
    if (this.#isWild && isReserved(wave.channel)) {
      return "refused"; // It is not for this one, and so it has not come.
    }
    this.#received++;
    if (!wave.sound && wave.fault !== undefined) {
      this.#dropping.count(wave, "malformed");
      return "refused";
    }
    const gate = this.#gate;
    const reason = this.#refusalOf(wave) ?? (this.adaptive?.admits(wave) === false ? "floor" : undefined);
    if (reason !== undefined) {
      this.#dropping.refused(wave, reason);
      return "refused";
    }
    if ((gate.dedupe || wave.named) && this.#isRepeated(wave)) {
      this.#repeat(wave);
      return "admitted";
    }
    const inbox = this.#openInbox();
    const lost = inbox.push(wave);
    for (let i = 0; i < lost.length; i++) {
      const victim = lost[i];
      if (victim === wave) {
        this.#forgetId(wave);
        this.#dropping.refused(wave, "evicted");
        return "refused";
      }
      if (victim !== undefined) {
        this.absorb(victim, "evicted");
      }
    }
    this.adaptive?.queued(inbox.size);
    wave.exchange?.admitted(this.teller);
    this.#trouble?.took();
    if (wave.around.length > 0) {
      this.#tookAround(wave);
    }
    return this.#uptake(inbox);
  }

  /** A wave was taken that went around others on its way. */
  #tookAround(wave: Wave): void {
    this.#diffracted++;
    const { observers } = this.#settings;
    if (observers.diffracted.listens) {
      const { vibrator, pattern } = this.presence;
      const { id, channel, around } = wave;
      observers.diffracted.tell({ id, channel, wave, vibrator, pattern, around, bends: around.length });
    }
  }

  /** Why `wave` does not pass its gate, the adaptive floor left out. */
  #refusalOf(wave: Wave): AbsorbReason | undefined {
    const { physics } = this.#settings;
    const gate = this.#gate;
    return this.#closed ? "closed" : refusalAt(gate, wave, this.presence.vibrator, physics);
  }

  #openInbox(): Inbox<Wave> {
    this.#inbox ??= new Inbox<Wave>(this.#settings.inbox, this.#settings.physics.bands);
    return this.#inbox;
  }

  #uptake(inbox: Inbox<Wave>): Uptake {
    if (!inbox.overHalf) {
      return "admitted";
    }
    if (inbox.crowd()) {
      this.#tuning?.pressure();
      const { presence } = this;
      const { observers } = this.#settings;
      if (observers.slow.listens) {
        observers.slow.tell({ vibrator: presence.vibrator, pattern: presence.pattern, queued: this.size });
      }
    }
    return "crowded";
  }

  /** The medium has confirmed it. */
  tuned(tuning: Tuning): void {
    this.#tuning = tuning;
    if (this.#inbox?.crowded === true || this.#gate !== this.#settings.gate || this.aside) {
      tuning.pressure();
    }
  }

  #isRepeated(wave: Wave): boolean {
    this.#seen ??= new SeenIds();
    return !this.#seen.add(wave.id, this.#settings.clock.monotonic());
  }

  #repeat(wave: Wave): void {
    wave.exchange?.admitted(this.teller);
    this.#dropping.count(wave, "duplicate");
    wave.exchange?.silent(this.teller);
  }

  /** The next wave that is still worth handling at `now` (monotonic); the others are absorbed on the way. */
  take(now: number): Wave | undefined {
    const inbox = this.#inbox;
    if (inbox === undefined) {
      return undefined;
    }
    for (;;) {
      const wave = inbox.pop(now);
      if (wave === undefined) {
        return undefined;
      }
      this.adaptive?.queued(inbox.size);
      if (inbox.crowded && inbox.easeOff()) {
        this.#tuning?.pressure();
      }
      if (this.isStale(wave, now)) {
        this.release(wave);
        this.absorb(wave, "expired");
      } else {
        return wave;
      }
    }
  }

  /** Whether a wave that waited is not worth handling any more at `now` (monotonic). */
  isStale(wave: Wave, now: number): boolean {
    return wave.hasFaded(now) || wave.exchange?.over === true;
  }

  /** Tells those who look on that a wave is being handled, or is in an iterator's hands. */
  tellDelivered(wave: Wave): void {
    const { presence } = this;
    const { observers } = this.#settings;
    const { vibrator, pattern } = presence;
    observers.delivered.tell({ id: wave.id, channel: wave.channel, wave, vibrator, pattern });
  }

  /** A wave that was taken is out of the inbox and not yet delivered: it counts as queued. */
  hold(): void {
    this.#held++;
  }

  /** The opposite of {@link hold}. */
  unhold(): void {
    this.#held--;
  }

  /** A delivered wave will be handled again: it counts as queued until then. */
  undeliver(_wave: Wave): void {
    this.delivered--;
    this.#undelivered++;
    this.#held++;
  }

  /** Puts a wave that was held back into the inbox. */
  putBack(wave: Wave): void {
    this.#held--;
    const inbox = this.#openInbox();
    for (const victim of inbox.putBack(wave)) {
      this.absorb(victim, "evicted");
    }
    this.adaptive?.queued(inbox.size);
  }

  /** A wave of `order: "key"` is done with: the next one of its key may come. */
  release(wave: Wave): void {
    this.#inbox?.release(wave);
  }

  /** A delivered wave could not be handled. `final`: it will not be tried again. */
  failed(wave: Wave, error: unknown, attempt: number, final: boolean): void {
    if (final) {
      this.#failed++;
      this.#forgetId(wave);
    }
    const { presence } = this;
    const { observers } = this.#settings;
    this.#trouble ??= this.#newTrouble();
    this.#trouble?.failed(wave, error);
    if (observers.failed.listens) {
      const { vibrator, pattern } = presence;
      const { id, channel } = wave;
      observers.failed.tell({ id, channel, wave, vibrator, pattern, error, attempt, willRetry: !final });
    }
    if (final) {
      this.bury(wave, error, attempt);
    }
  }

  /** A wave has failed for good. What an observer sees is a copy, which leaves nothing behind. */
  bury(wave: Wave, error: unknown, attempts: number): void {
    const { deadLetters, observes } = this.#settings;
    if (!observes) {
      void deadLetters.enter(wave, error, attempts, this.presence, false);
    }
  }

  /** Drops a wave that was admitted, counts why, and tells the emitter of a command or query. */
  absorb(wave: Wave, reason: AbsorbReason): void {
    this.#forgetId(wave);
    this.#dropping.returned(wave, reason);
  }

  /** Sends a wave back that nobody waits for. */
  comeBack(wave: Wave, cause: ReflectCause): void {
    this.#dropping.comeBack(wave, cause);
  }

  /** Drops a wave that was taken because its payload breaks the schema, as `error` says. */
  unreadable(wave: Wave, error: unknown): void {
    this.release(wave);
    this.#forgetId(wave);
    this.#dropping.count(wave, "malformed");
    this.bury(wave, error, 0);
  }

  #forgetId(wave: Wave): void {
    this.#seen?.delete(wave.id);
  }

  /** From now on everything that comes is absorbed as `closed`. */
  close(): void {
    this.#closed = true;
    this.adaptive?.close();
  }

  /** Absorbs what is in the inbox as `closed`: everything, commands and queries only, or recorded waves only. */
  clear(which: "all" | "requests" | "recorded"): void {
    const inbox = this.#inbox;
    for (const wave of inbox?.takeAll() ?? []) {
      if (which !== "all" && (which === "requests") === (wave.exchange === undefined)) {
        inbox?.push(wave);
      } else {
        this.absorb(wave, "closed");
      }
    }
  }

  /** Resolves when the inbox has room. */
  room(): Promise<void> {
    return this.#inbox?.room() ?? Promise.resolve();
  }

  // What follows is for recorded waves, which somebody answers for until they are settled: see `RecordedDelivery`.

  /** Whether it answers for waves to a record. */
  get isRecorded(): boolean {
    return false;
  }

  /** How many waves it answers for. */
  get inHand(): number {
    return 0;
  }

  /** Whether it answers for `wave`. */
  answersFor(_wave: Wave): boolean {
    return false;
  }

  /** Whether it has answered for `wave`, and somebody else does now. */
  gaveBack(_wave: Wave): boolean {
    return false;
  }

  /**
   * `wave` is done with: it was handled well, or has failed for good. A promise: it is once that has resolved, for its
   * dead letter is being stored.
   */
  settle(_wave: Wave, _well: boolean): Promise<void> | undefined {
    return undefined;
  }

  /** Resolves when no dead letter of a wave that it answers for is being stored. */
  buried(): Promise<void> | undefined {
    return undefined;
  }

  /** Gives a delivered wave back. */
  giveBack(_wave: Wave): void {
    // It came from nobody.
  }

  /** Gives back all it answers for but `but`, whatever becomes of them here. */
  giveBackAll(_but: Wave | undefined): void {
    // They came from nobody.
  }

  /** Gives a delivered wave back whose attempt number `attempt` is due after `delayMs`; false: it is to wait here. */
  passesOn(_wave: Wave, _delayMs: number, _attempt: number): boolean {
    return false;
  }

  /** The number of the attempt that `wave` came back for. */
  attemptOf(_wave: Wave): number | undefined {
    return undefined;
  }

  /** Whether its consumer takes waves now. */
  demands(_waves: boolean): void {
    // They come unasked.
  }

  /** Its consumer drains: it wants nothing more. */
  end(): void {
    // They come unasked.
  }

  /** What it works by. */
  get settings(): DeliverySettings {
    return this.#settings;
  }

  get inbox(): Inbox<Wave> | undefined {
    return this.#inbox;
  }

  /** A wave came that did not come through {@link receive}: it waits, or was dropped for `reason`. */
  came(wave: Wave, reason: AbsorbReason | undefined): void {
    this.#received++;
    if (reason !== undefined) {
      this.#dropping.count(wave, reason);
      return;
    }
    this.#openInbox().push(wave);
    this.#consumer.wake();
  }

  /** A command or query came that finds no room. */
  turnAway(wave: Wave): void {
    this.#received++;
    this.#dropping.refused(wave, "evicted");
  }

  /** Counts why a wave was dropped that nobody needs to hear of. */
  dropped(wave: Wave, reason: AbsorbReason): void {
    this.#dropping.count(wave, reason);
  }
}

function areSound(waves: readonly Wave[], from: number, to: number): boolean {
  for (let at = from; at < to; at++) {
    if (waves[at]?.sound !== true) {
      return false;
    }
  }
  return true;
}
