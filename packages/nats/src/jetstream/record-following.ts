/** Following: one recorded resonance's way through the record. */

import { type Follower, type Following, type From, isMeantFor, type Presence, type Wave } from "@aether/core";
import type { Connection } from "../connection.ts";
import { BandPull } from "./band-pull.ts";
import { deal } from "./credits.ts";
import type { Delivery } from "./delivery.ts";
import { EarlyWaves } from "./early-waves.ts";
import { InHand } from "./in-hand.ts";
import { paused, within } from "./management.ts";
import type { PlaceName } from "./names.ts";
import { type PlaceBand, type PlaceParts, placeOf } from "./places.ts";
import { type RecordedParts, recordedWave } from "./recorded-waves.ts";
import type { Replies } from "./replies.ts";

/**
 * Part of what is wanted at the most that each band waits for while nothing is there. Who wants less waits for one wave in
 * each such band beside what is wanted, for it would have nothing left to handle the others with: what comes too much
 * goes back at once.
 */
const PATIENT_PART = 16;
const MOST_PATIENT = 64;
const LONGEST_TICK_MS = 500;
const NANOS_PER_MS = 1e6;

/** What followings of one link share. */
export interface FollowingParts extends PlaceParts, RecordedParts {
  readonly connection: Connection;
  readonly replies: Replies;
  /** A subject that was never used; one token follows. */
  inbox(): string;
  /** Told when nothing is in hand any more after the end. */
  ended(following: RecordFollowing): void;
}

/** One follower's place. */
export class RecordFollowing implements Following {
  readonly #follower: Follower;
  readonly #place: PlaceName;
  readonly #parts: FollowingParts;
  readonly #inHand: InHand;
  readonly #early: EarlyWaves;
  #pulls: readonly BandPull[] = [];
  #ackWaitMs = 0;
  #mostWanted = 0;
  #epoch: number | undefined;
  /** When its place was made: one that was made anew knows nothing of what is in hand. */
  #made = "";
  #scheduled = false;
  #restoring = false;
  /** Whether the link is moving to another server. */
  #isAway = false;
  #timer: NodeJS.Timeout | undefined;
  #closing: Promise<void> | undefined;

  constructor(follower: Follower, place: PlaceName, parts: FollowingParts) {
    this.#follower = follower;
    this.#place = place;
    this.#parts = parts;
    const { connection, replies } = parts;
    this.#inHand = new InHand({ connection, replies, lost: () => this.#lost() });
    this.#early = new EarlyWaves((delivery) => this.#inHand.refuse(delivery));
  }

  get presence(): Presence {
    return this.#follower.presence;
  }

  /** Resolves when the place is kept. Rejects as {@link placeOf}. */
  async open(from: From): Promise<void> {
    const bands = await placeOf(this.#place, from, this.#parts);
    this.#stand(bands);
    this.#ackWaitMs = (bands[0]?.info.config.ack_wait ?? this.#parts.ackWaitMs * NANOS_PER_MS) / NANOS_PER_MS;
    this.#timer = setInterval(() => this.#tick(), Math.min(LONGEST_TICK_MS, this.#ackWaitMs / 4)).unref();
    this.wants();
  }

  #stand(bands: readonly PlaceBand[]): void {
    this.#epoch = this.#parts.stream.epoch;
    this.#made = madeAt(bands);
    this.#pulls = bands.map((band) => this.#pullOf(band));
  }

  #pullOf({ durable, weight, info }: PlaceBand): BandPull {
    const { connection, stream, inbox } = this.#parts;
    const pull: BandPull = new BandPull(weight, info.num_pending, {
      connection,
      inbox,
      api: `$JS.API.CONSUMER.MSG.NEXT.${stream.name}.${durable}`,
      delivered: (delivery) => this.#delivered(delivery),
      idle: () => this.wants(),
      lost: () => this.#lost(),
    });
    return pull;
  }

  /** Asks for more at the end of the tick: what is freed in one tick is asked for at once. */
  wants(): void {
    if (!this.#scheduled && this.#closing === undefined) {
      this.#scheduled = true;
      setImmediate(() => {
        this.#scheduled = false;
        this.#ask();
      });
    }
  }

  #ask(): void {
    this.#handEarly();
    const { wanted } = this.#follower;
    const mayAsk = this.#closing === undefined && !this.#restoring && !this.#isAway && this.#parts.connection.connected;
    if (wanted <= 0 || !mayAsk) {
      return;
    }
    const pulls = this.#pulls;
    this.#mostWanted = Math.max(this.#mostWanted, wanted);
    const patient = Math.min(MOST_PATIENT, Math.floor(this.#mostWanted / PATIENT_PART));
    const now = performance.now();
    let free =
      wanted - pulls.reduce((sum, pull) => sum + (patient === 0 && !pull.busy ? 0 : pull.pending + pull.claim), 0);
    for (const pull of pulls) {
      if (!pull.busy && pull.ready(now) && (free > 0 || patient === 0)) {
        const waves = Math.max(1, Math.min(patient, free));
        pull.ask(waves, true);
        free -= patient === 0 ? 0 : waves;
      }
    }
    deal(pulls, free);
    for (const pull of pulls) {
      if (pull.busy && pull.claim > 0 && pull.ready(now)) {
        pull.ask(pull.claim, false);
        pull.claim = 0;
      }
    }
  }

  #delivered(delivery: Delivery): void {
    this.wants();
    if (this.#closing !== undefined || this.#epoch === undefined) {
      this.#inHand.refuse(delivery);
      return;
    }
    const wave = recordedWave(delivery, this.#epoch, this.#parts);
    if (wave === undefined) {
      this.#inHand.end(delivery);
      this.#follower.malformed();
      return;
    }
    if (wave.to !== undefined && !isMeantFor({ ...wave.to, instance: undefined }, this.#follower.presence)) {
      this.#inHand.end(delivery); // For another group: this one has nothing to do with it.
      return;
    }
    this.#handEarly();
    const isEarly = this.#early.size > 0 || this.#follower.wanted <= 0;
    if (isEarly && !this.#inHand.has(delivery)) {
      this.#early.add({ wave, delivery });
      return;
    }
    this.#hand(wave, delivery);
  }

  #hand(wave: Wave, delivery: Delivery): void {
    const custody = this.#inHand.take(delivery);
    if (custody !== undefined) {
      this.#follower.take(wave, custody);
    }
  }

  /** Hands over what came when it was not wanted yet, before anything that came after it. */
  #handEarly(): void {
    while (this.#early.size > 0 && this.#follower.wanted > 0) {
      const next = this.#early.next();
      if (next !== undefined) {
        this.#hand(next.wave, next.delivery);
      }
    }
  }

  #tick(): void {
    const now = performance.now();
    this.#inHand.work(this.#ackWaitMs / 4);
    for (const pull of this.#pulls) {
      pull.check(now);
    }
    if (this.#closing !== undefined && this.#inHand.size === 0) {
      this.#end();
    }
  }

  /** The stream is another one. */
  renewed(): void {
    if (this.#epoch !== undefined && this.#parts.stream.epoch !== this.#epoch) {
      this.#lost();
    }
  }

  #lost(): void {
    if (!this.#restoring && this.#closing === undefined) {
      this.#restoring = true;
      void this.#restore();
    }
  }

  /** Its place does not answer: it is looked for, and made again when somebody has deleted it. */
  async #restore(): Promise<void> {
    const { stream } = this.#parts;
    while (this.#closing === undefined) {
      try {
        await stream.restore();
        const isOther = stream.epoch !== this.#epoch;
        const bands = await placeOf(this.#place, isOther ? "start" : "new", this.#parts);
        if (isOther || madeAt(bands) !== this.#made) {
          await Promise.all(this.#pulls.map((pull) => pull.close()));
          this.#early.giveBack();
          this.#inHand.gone();
          this.#stand(bands);
        }
        break;
      } catch {
        // Tried again for as long as somebody follows.
        await paused(LONGEST_TICK_MS);
      }
    }
    this.#restoring = false;
    this.wants();
  }

  /** The link moves to another server: what this one hands over any more would be lost until it is missed. */
  async away(): Promise<void> {
    this.#isAway = true;
    this.#early.giveBack();
    await Promise.all(this.#pulls.map((pull) => pull.close()));
  }

  /** The connection is back. */
  reconnected(): void {
    this.#isAway = false;
    this.#early.giveBack();
    for (const pull of this.#pulls) {
      pull.reset();
    }
    this.#inHand.reconnected();
    this.wants();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#early.giveBack();
    await Promise.all(this.#pulls.map((pull) => pull.close()));
    if (this.#inHand.size === 0) {
      this.#end();
    }
  }

  #end(): void {
    clearInterval(this.#timer);
    this.#parts.ended(this);
  }

  /** Ends it with its link: what is being settled may take `patienceMs`, what is in hand else goes back. */
  async leave(patienceMs: number): Promise<void> {
    await this.close();
    await within(patienceMs, this.#inHand.settled());
    this.#inHand.close();
    this.#end();
  }
}

function madeAt(bands: readonly PlaceBand[]): string {
  return bands.map(({ durable, info }) => `${durable} ${info.created}`).join("\n");
}
