/** A link: one aether's connection to NATS, with its outlets, its hearings and its way back. */

import {
  AetherError,
  BANDS,
  DEFAULT_PHYSICS,
  type Exchange,
  type Link,
  type Listener,
  type MediumEvents,
  type Outlet,
  type Presence,
  type Reflection,
  randomToken,
  systemRandom,
  type Tuning,
} from "@aether/core";
import type { Msg } from "@nats-io/transport-node";
import { Connection } from "../connection.ts";
import { JetStreamRecorder } from "../jetstream/jetstream-recorder.ts";
import type { CheckedOptions } from "../options.ts";
import { PresenceBeats } from "../presence/presence-beats.ts";
import type { Present } from "../presence/roll.ts";
import { Subjects } from "../subjects.ts";
import { Asked, deniedError } from "../way-back/asked.ts";
import { ForeignExchange } from "../way-back/foreign-exchange.ts";
import { Post } from "../way-back/post.ts";
import { Sweep } from "../way-back/sweep.ts";
import { decodeControl, type Told } from "../wire/control.ts";
import { payloadWriters } from "../wire/payloads.ts";
import { factsOf, reflectionOf } from "../wire/reflection-facts.ts";
import { Slab } from "../wire/slab.ts";
import { Arrivals } from "./arrivals.ts";
import { closedLink, Hearing, type HearingParts } from "./hearing.ts";
import { NatsOutlet, type OutletParts, tooLarge } from "./nats-outlet.ts";
import { Outbox } from "./outbox.ts";

const ID_LENGTH = 16;
const MOST_OUTLETS = 8192;
/** How long a subject is taken for denied before it is tried again. */
const DENIED_MS = 10_000;
const NO_RESPONDERS = 503;
/** How long after the last news of presence more may be on its way, and how long that is waited for. */
const UNSETTLED_MS = 500;
const SETTLING_MS = 50;
/** How long answers are waited for before a server is left that is about to go. */
const LEAVING_MS = 1000;
const LEAVING_PAUSE_MS = 5;
/** Most bytes of the one header that recorded waves have. */
const MOST_HEADER_BYTES = 4096;

/** An open link. */
export class NatsLink implements Link {
  readonly #events: MediumEvents;
  readonly #connection: Connection;
  readonly #id: string = randomToken(systemRandom, ID_LENGTH);
  readonly #subjects: Subjects;
  readonly #slab = new Slab();
  readonly #outbox: Outbox;
  readonly #post: Post;
  readonly #sweep: Sweep;
  readonly #asked: Asked;
  readonly #arrivals: Arrivals;
  readonly #presence: PresenceBeats;
  readonly #options: CheckedOptions;
  /** What all outlets share. */
  readonly #outletParts: OutletParts;
  readonly #outlets = new Map<string, NatsOutlet>();
  readonly #hearings = new Set<Hearing>();
  readonly #instances = new Set<string>();
  readonly #denied = new Set<string>();
  #recorder: JetStreamRecorder | undefined;
  #unflushed: NatsOutlet[] = [];
  #closing: Promise<void> | undefined;

  // biome-ignore lint/style/useConsistentMemberAccessibility: a constructor cannot be named #private
  private constructor(connection: Connection, options: CheckedOptions, events: MediumEvents) {
    const now = (): number => events.moment().at;
    this.#events = events;
    this.#options = options;
    this.#connection = connection;
    this.#subjects = new Subjects(options.namespace);
    this.#outbox = new Outbox(options.outbox);
    this.#post = new Post(connection);
    this.#sweep = new Sweep(now);
    this.#asked = new Asked(
      this.#subjects,
      this.#post,
      (channel, band) => this.#presence.roll.hearing(channel, band),
      now,
    );
    this.#arrivals = new Arrivals({
      post: this.#post,
      sweep: this.#sweep,
      writer: payloadWriters[options.codec],
      link: this.#id,
      subjects: this.#subjects,
      moment: () => events.moment(),
    });
    this.#presence = new PresenceBeats({
      connection,
      subjects: this.#subjects,
      link: this.#id,
      beatMs: options.beatMs,
      now,
      interest: () => {
        this.#asked.learn();
        events.interest();
      },
    });
    this.#outletParts = {
      connection: this.#connection,
      subjects: this.#subjects,
      slab: this.#slab,
      outbox: this.#outbox,
      asked: this.#asked,
      roll: this.#presence.roll,
      codec: this.#options.codec,
      packing: this.#options.packing,
      denied: this.#denied,
      now: () => this.#events.moment().at,
      assertOpen: () => this.#assertOpen(),
      hearFor: (instance) => this.hearFor(instance),
      flushSoon: (flushed) => this.#flushSoon(flushed),
    };
    connection.onWritable(() => this.#writable());
  }

  /** Connects, and resolves when the server has confirmed that this link can be told things. */
  static async open(options: CheckedOptions, events: MediumEvents): Promise<NatsLink> {
    const connection = await Connection.open(options);
    const link = new NatsLink(connection, options, events);
    connection.watch({
      connected: () => link.#reconnected(),
      disconnected: (reason) => link.#disconnected(reason),
      leaving: () => link.#leaving(),
      denied: (subject) => link.#deny(subject),
    });
    try {
      link.hearFor(link.#id);
      await link.#presence.open();
      link.#recorder = await link.#openRecorder();
    } catch (error) {
      await connection.close();
      throw error;
    }
    events.connected();
    return link;
  }

  async #openRecorder(): Promise<JetStreamRecorder | undefined> {
    const { stream } = this.#options;
    if (stream === undefined) {
      return undefined;
    }
    return JetStreamRecorder.open({
      ...this.#hearingParts(),
      slab: this.#slab,
      writer: payloadWriters[this.#options.codec],
      options: this.#options,
      stream,
      link: this.#id,
      others: () => [...this.#presence.roll.links()].filter((link) => link !== this.#id),
      changed: () => this.#recordChanged(),
      hearFor: (instance) => this.hearFor(instance),
      assertSendable: (subject, most, measured) => this.#assertSendable(subject, most, measured),
      assertOpen: () => this.#assertOpen(),
    });
  }

  get recorder(): JetStreamRecorder | undefined {
    return this.#recorder;
  }

  /** More is recorded than before: resolves when every listener that hears such waves live does so. */
  async #recordChanged(): Promise<void> {
    for (const hearing of this.#hearings) {
      hearing.recordChanged();
    }
    await this.#connection.confirm();
  }

  #assertSendable(subject: string, most: number, measured: () => number = () => most): void {
    if (this.#denied.has(subject)) {
      throw deniedError(subject);
    }
    const limit = this.#connection.maxPayload - MOST_HEADER_BYTES;
    const bytes = most <= limit ? most : measured();
    if (bytes > limit) {
      throw tooLarge(bytes, limit);
    }
  }

  /** The server is about to go: answers are waited for, and nothing more is heard from it. */
  async #leaving(): Promise<void> {
    this.#flush();
    const givenUpAt = performance.now() + LEAVING_MS;
    while (this.#asked.isWaiting && performance.now() < givenUpAt) {
      await new Promise<void>((resolve) => void setTimeout(resolve, LEAVING_PAUSE_MS));
    }
    await Promise.all([...[...this.#hearings].map((hearing) => hearing.away()), this.#recorder?.away()]);
  }

  #reconnected(): void {
    for (const hearing of this.#hearings) {
      hearing.back();
    }
    this.#post.again();
    this.#events.connected();
    this.#presence.again();
    this.#recorder?.reconnected();
  }

  #disconnected(reason: unknown): void {
    this.#recorder?.disconnected();
    this.#events.disconnected(reason);
  }

  #deny(subject: string): void {
    this.#denied.add(subject);
    setTimeout(() => this.#denied.delete(subject), DENIED_MS).unref();
    this.#asked.denied(subject);
    this.#recorder?.denied(subject);
  }

  #writable(): void {
    this.#outbox.flush(this.#events.moment().at, () => this.#connection.writable);
    this.#recorder?.writable();
  }

  outlet(channel: string): Outlet {
    const known = this.#outlets.get(channel);
    if (known !== undefined) {
      return known;
    }
    if (this.#outlets.size >= MOST_OUTLETS) {
      // Those who hold one keep it; it only is not found again.
      const [oldest] = this.#outlets.keys();
      this.#outlets.delete(oldest ?? "");
    }
    const outlet = new NatsOutlet(channel, this.#outletParts);
    this.#outlets.set(channel, outlet);
    return outlet;
  }

  #flushSoon(outlet: NatsOutlet): void {
    if (this.#unflushed.push(outlet) === 1) {
      process.nextTick(() => this.#flush());
    }
  }

  #flush(): void {
    const outlets = this.#unflushed;
    this.#unflushed = [];
    for (const outlet of outlets) {
      outlet.flush();
    }
  }

  /** Makes sure that what is told to `instance` arrives here. */
  hearFor(instance: string): void {
    if (!this.#instances.has(instance)) {
      this.#instances.add(instance);
      const subject = this.#subjects.instance(instance, ">");
      this.#connection.listen(subject, undefined, (message) => this.#told(message));
    }
  }

  #told(message: Msg): void {
    const { data } = message;
    if (data.length === 0 && message.headers?.code === NO_RESPONDERS) {
      const number = message.subject.slice(message.subject.lastIndexOf(".") + 2);
      this.#unheard(Number.parseInt(number, 36));
      return;
    }
    for (const told of decodeControl(data) ?? []) {
      this.#tell(told);
    }
  }

  /** Nobody hears it: because nobody is there, or because all who are there listen to louder ones only. */
  #unheard(correlation: number): void {
    const { roll } = this.#presence;
    const one = (): Present | undefined => {
      const channel = this.#asked.channelOf(correlation);
      return channel === undefined ? undefined : roll.hearers(channel).one;
    };
    const decide = (): void => {
      if (this.#asked.missed(correlation)) {
        return;
      }
      const known = one();
      this.#asked.unheard(correlation, known && { by: known.vibrator, byId: known.instance });
    };
    // Who has just come may not have been heard of yet.
    if (one() === undefined && this.#events.moment().at - roll.changedAt < UNSETTLED_MS) {
      setTimeout(decide, SETTLING_MS);
    } else {
      decide();
    }
  }

  #tell(told: Told): void {
    switch (told.type) {
      case "over": {
        const reason = new AetherError("AETHER_CLOSED", "The emitter of the command or query has stopped waiting");
        this.#arrivals.over(told.source, told.correlation, reason);
        return;
      }
      case "reflection":
        this.#events.reflected(reflectionOf(told.facts, this.#events.moment()));
        return;
      default:
        this.#asked.told(told);
    }
  }

  reflect(reflection: Reflection): void {
    const instance = reflection.channel.slice(reflection.channel.indexOf(".") + 1);
    const subject = this.#subjects.instance(instance, "m");
    this.#post.address(subject).reflection(factsOf(reflection));
  }

  async resonate(listener: Listener): Promise<Tuning> {
    this.#assertOpen();
    const hearing = new Hearing(listener, {
      ...this.#hearingParts(),
      presence: this.#presence,
      record: this.#recorder,
      ended: (ended) => this.#hearings.delete(ended),
    });
    this.#hearings.add(hearing);
    try {
      await hearing.open();
    } catch (error) {
      this.#hearings.delete(hearing);
      throw error;
    }
    return hearing;
  }

  #hearingParts(): Omit<HearingParts, "presence" | "record" | "ended"> {
    return {
      connection: this.#connection,
      subjects: this.#subjects,
      arrivals: this.#arrivals,
      random: systemRandom,
      halfLifeMs: DEFAULT_PHYSICS.halfLifeMs,
      moment: () => this.#events.moment(),
      foreignExchange: (message) => this.#foreignExchange(message),
    };
  }

  #foreignExchange(message: Msg): Exchange | undefined {
    const { reply } = message;
    return reply === undefined || reply === ""
      ? undefined
      : new ForeignExchange((data) => this.#connection.publish(reply, data));
  }

  room(): Promise<void> | undefined {
    return this.#outbox.room();
  }

  *present(): Iterable<Presence> {
    for (const { observes, band: lowest, ...known } of this.#presence.roll.present()) {
      const presence = lowest < BANDS ? known : { ...known, aside: true };
      if (!observes) {
        yield presence;
      }
    }
  }

  heard(channel: string): boolean {
    return this.#presence.roll.hearers(channel).one !== undefined;
  }

  async close(): Promise<void> {
    this.#closing ??= this.#close();
    await this.#closing;
  }

  async #close(): Promise<void> {
    this.#flush();
    await Promise.all([...this.#hearings].map((hearing) => hearing.close()));
    await this.#recorder?.close();
    this.#outbox.close(closedLink);
    this.#post.flush();
    this.#presence.close();
    this.#asked.close();
    this.#sweep.close();
    await this.#connection.close();
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) {
      throw closedLink();
    }
  }
}
