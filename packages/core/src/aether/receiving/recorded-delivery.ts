/** Recorded delivery: a delivery whose waves come from a record, which hands over no more than is wanted. */

import { soon } from "../../clock.ts";
import type { InboxSettings } from "../../inbox/inbox.ts";
import type { Uptake } from "../../medium/medium.ts";
import type { Presence } from "../../medium/presence.ts";
import type { Custody, Follower, Following } from "../../medium/recorder.ts";
import { BANDS } from "../../physics/amplitude.ts";
import type { Wave } from "../../wave/wave.ts";
import type { AbsorbReason } from "../stats.ts";
import { Delivery, type DeliverySettings } from "./delivery.ts";
import { strangerAt } from "./gate.ts";
import { InHand } from "./in-hand.ts";

/** Waves that may stand aside, for another attempt or behind one of their key, without keeping others from coming. */
const MOST_ASIDE = 1000;

/** How long a wave stays away whose dead letter could not be stored, in milliseconds. */
const UNSTORED_MS = 1000;

/** What waits is bounded by what is wanted, so that nothing has to give way: no wave of a record is lost here. */
const ROOMY = { capacity: 2 ** 31 - 1, bytes: Number.POSITIVE_INFINITY };

/**
 * The receiving half of a recorded resonance. It hears queries live, as others do, and everything else from its record.
 * A wave is in hand from its coming until it is settled: done, for its handler ended well or its dead letter is stored, or
 * given back. Each coming counts as received. What is given back before it started counts as absorbed, `closed`.
 */
export class RecordedDelivery extends Delivery {
  /** How a recorder sees it. */
  readonly follower: Follower;
  readonly #hand = new InHand();
  readonly #bounds: InboxSettings;
  readonly #mostAhead: number;
  /** Dead letters that are being stored, by the id of their wave. */
  readonly #storing = new Map<string, Promise<void>>();
  #following: Following | undefined;
  #demands = true;
  #ending = false;
  #tellsSoon = false;

  /** It has up to two waves in hand for each of `concurrency` handlers, and no more than its inbox is meant to hold. */
  constructor(presence: Presence, settings: DeliverySettings, concurrency: number) {
    // Nothing is shed here: a wave of a record that is not handled now is handled later.
    super(presence, { ...settings, adaptive: undefined, inbox: { ...settings.inbox, ...ROOMY } });
    this.#bounds = settings.inbox;
    this.#mostAhead = Math.min(2 * concurrency, settings.inbox.capacity);
    const wanted = (): number => this.#wanted;
    this.follower = {
      presence,
      get wanted() {
        return wanted();
      },
      take: (wave, custody) => this.#take(wave, custody),
      malformed: (count) => this.malformed(count),
    };
  }

  /** The recorder has given it its place. */
  followed(following: Following): void {
    this.#following = following;
    this.#wants();
  }

  get #wanted(): number {
    const { inbox } = this;
    if (!this.#demands || this.#ending || (inbox !== undefined && inbox.bytes >= this.#bounds.bytes)) {
      return 0;
    }
    const aside = Math.min(MOST_ASIDE, this.#hand.waiting + (inbox?.blocked ?? 0));
    const room = Math.min(this.#mostAhead + aside - this.#hand.size, this.#bounds.capacity - this.size);
    return Math.max(0, room);
  }

  /** Tells the recorder, once a tick, that it wants more. */
  #wants(): void {
    if (!this.#tellsSoon) {
      this.#tellsSoon = true;
      soon(() => {
        this.#tellsSoon = false;
        if (this.#wanted > 0) {
          this.#following?.wants();
        }
      });
    }
  }

  #take(wave: Wave, custody: Custody): void {
    if (!this.#isMeant(wave)) {
      custody.done().catch(() => undefined);
      this.#wants();
      return;
    }
    if (this.#ending) {
      custody.giveBack();
      this.came(wave, "closed");
      return;
    }
    const reason = this.#refusal(wave) ?? this.#admit(wave, custody);
    this.came(wave, reason);
    if (reason !== undefined || inboxIsKeyed(this.#bounds)) {
      this.#wants(); // It is settled, or may have to stand aside at once.
    }
    if (reason !== undefined && reason !== "duplicate") {
      custody.done().catch(() => undefined);
    }
  }

  #admit(wave: Wave, custody: Custody): AbsorbReason | undefined {
    return this.#hand.add(wave, custody, this.settings.clock.monotonic()) ? undefined : "duplicate";
  }

  /** Whether `wave` is for its group: whichever member has it, for the record hands it to one. */
  #isMeant({ to }: Wave): boolean {
    const { group, name } = this.presence;
    return to === undefined || (to.group === group && to.name === name);
  }

  #refusal(wave: Wave): AbsorbReason | undefined {
    if (wave.fault !== undefined) {
      return "malformed";
    }
    const { gate, physics } = this.settings;
    return strangerAt(gate, wave, this.presence.vibrator, physics);
  }

  // What it hears live: queries.

  override get openBand(): number {
    return BANDS;
  }

  override get full(): boolean {
    return false;
  }

  override hears(wave: Wave): boolean {
    return wave.kind === "query" && super.hears(wave);
  }

  override receive(wave: Wave): Uptake {
    if (wave.kind !== "query") {
      return "refused";
    }
    if (this.size >= this.#bounds.capacity) {
      this.turnAway(wave);
      return "refused";
    }
    return super.receive(wave);
  }

  override filtered(wave: Wave): void {
    if (wave.kind === "query") {
      super.filtered(wave);
    }
  }

  override receiveRun(waves: readonly Wave[], from: number, to: number): void {
    for (const wave of waves.slice(from, to)) {
      this.receive(wave);
    }
  }

  // What it has in hand.

  override get isRecorded(): boolean {
    return true;
  }

  override get inHand(): number {
    return this.#hand.size;
  }

  override answersFor(wave: Wave): boolean {
    return this.#hand.has(wave);
  }

  override gaveBack(wave: Wave): boolean {
    return wave.exchange === undefined && !this.#hand.has(wave);
  }

  override isStale(wave: Wave, now: number): boolean {
    return !this.#hand.has(wave) && super.isStale(wave, now);
  }

  override settle(wave: Wave, well: boolean): Promise<void> | undefined {
    const storing = this.#storing.get(wave.id);
    if (storing === undefined) {
      this.#hand.done(wave, well, this.settings.clock.monotonic());
      this.#wants();
    }
    return storing;
  }

  /** The wave stays in hand until its letter is stored. When that fails it goes back: it is never lost. */
  override bury(wave: Wave, error: unknown, attempts: number): void {
    const stored = this.settings.deadLetters.enter(wave, error, attempts, this.presence, this.#hand.has(wave));
    if (stored === undefined) {
      return;
    }
    const storing = stored
      .then(
        () => this.#hand.done(wave, false, this.settings.clock.monotonic()),
        () => {
          this.#hand.remember(wave, Math.max(1, attempts));
          this.#hand.giveBack(wave, UNSTORED_MS);
        },
      )
      .finally(() => {
        this.#storing.delete(wave.id);
        this.#wants();
      });
    this.#storing.set(wave.id, storing);
  }

  override buried(): Promise<void> | undefined {
    return this.#storing.size === 0 ? undefined : Promise.all(this.#storing.values()).then(() => undefined);
  }

  override giveBack(wave: Wave): void {
    this.#hand.giveBack(wave);
    this.#wants();
  }

  override giveBackAll(but: Wave | undefined): void {
    this.#hand.giveBackAll(but);
  }

  override passesOn(wave: Wave, delayMs: number, attempt: number): boolean {
    this.#hand.retries(wave, attempt);
    // One of a key would lose its place among those of its key: it stays, and in the end nothing more comes.
    const mayStay = !this.#ending && (inboxIsKeyed(this.#bounds) || this.#hand.waiting < MOST_ASIDE);
    if (mayStay || !this.#hand.has(wave)) {
      return false;
    }
    this.#hand.remember(wave, attempt);
    this.#hand.giveBack(wave, delayMs);
    this.#wants();
    return true;
  }

  override attemptOf(wave: Wave): number | undefined {
    return this.#hand.attemptOf(wave);
  }

  override undeliver(wave: Wave): void {
    super.undeliver(wave);
    this.#hand.waits(wave);
    this.#wants();
  }

  override putBack(wave: Wave): void {
    this.#hand.waitsNoMore(wave);
    super.putBack(wave);
  }

  override absorb(wave: Wave, reason: AbsorbReason): void {
    if (this.#hand.has(wave)) {
      this.dropped(wave, reason);
      this.#hand.giveBack(wave);
    } else {
      super.absorb(wave, reason);
    }
  }

  override unreadable(wave: Wave, error: unknown): void {
    super.unreadable(wave, error);
    void this.settle(wave, false);
  }

  override clear(which: "all" | "requests" | "recorded"): void {
    // What has not started goes back at once: somebody else may begin with it.
    super.clear(which === "requests" ? "all" : which);
  }

  override demands(waves: boolean): void {
    this.#demands = waves;
    if (waves) {
      this.#wants();
    }
  }

  override end(): void {
    this.#ending = true;
  }
}

function inboxIsKeyed({ order }: InboxSettings): boolean {
  return order === "key";
}
