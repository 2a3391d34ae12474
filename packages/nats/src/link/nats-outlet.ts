/** The way out of one channel: events and broadcasts in packs, commands and queries one by one. */

import { AetherError, type Exchange, type Outlet, Wave } from "@aether/core";
import type { Connection } from "../connection.ts";
import type { Roll } from "../presence/roll.ts";
import type { SubjectClass, Subjects } from "../subjects.ts";
import { type Asked, deniedError, Question, type Sender } from "../way-back/asked.ts";
import { encode, mostBytesAround, mostBytesOf, type Outbound, outbound, Seal } from "../wire/envelope.ts";
import { channelWriter, type PayloadCodec, type PayloadWriter } from "../wire/payloads.ts";
import type { Slab } from "../wire/slab.ts";
import type { Outbox } from "./outbox.ts";
import { Pack } from "./pack.ts";

/** What the outlets of one link share. */
export interface OutletParts {
  readonly connection: Connection;
  readonly subjects: Subjects;
  readonly slab: Slab;
  readonly outbox: Outbox;
  readonly asked: Asked;
  readonly roll: Roll;
  /** How payloads are written. */
  readonly codec: PayloadCodec;
  readonly packing: boolean;
  /** Subjects that the server denied of late. */
  readonly denied: ReadonlySet<string>;
  /** Monotonic milliseconds. */
  now(): number;
  assertOpen(): void;
  /** Makes sure that what is meant for this instance arrives here. */
  hearFor(instance: string): void;
  /** Lets `outlet` flush at the end of the tick. */
  flushSoon(outlet: NatsOutlet): void;
}

/** Bytes of a message beside the payload, at the most. */
const HEAD_BYTES = 12 * 1024;
/** Most packs that are open at once: each wave looks for its own among them. */
const MOST_OPEN = 32;

/** Where the waves of one channel enter NATS. */
export class NatsOutlet implements Outlet, Sender {
  readonly #channel: string;
  readonly #parts: OutletParts;
  readonly #seal: Seal;
  readonly #writer: PayloadWriter;
  /** Subjects by class and band, made when they are used. */
  readonly #subjects: Readonly<Record<SubjectClass, string[]>> = { w: [], b: [], q: [], o: [], r: [] };
  /** Packs that are open, in the order of their beginning. */
  #packs: Pack[] = [];
  #scheduled = false;

  constructor(channel: string, parts: OutletParts) {
    this.#channel = channel;
    this.#parts = parts;
    this.#seal = new Seal(channel);
    this.#writer = channelWriter(parts.codec);
  }

  propagate(wave: Wave): number | undefined | Promise<undefined> {
    this.#parts.assertOpen();
    this.#parts.hearFor(wave.sourceId);
    const { exchange } = wave;
    if (exchange === undefined) {
      return this.#carry(wave);
    }
    return wave.around.length === 0 ? this.#ask(wave, exchange, "q") : this.#askOthers(wave, exchange);
  }

  #carry(wave: Wave): undefined | Promise<undefined> {
    const { connection, packing } = this.#parts;
    // What is for one member of a group alone goes to all of them: a server would pick any.
    const reachesAll = wave.kind === "broadcast" || wave.to?.instance !== undefined;
    const subject = this.#subject(reachesAll ? "b" : "w", wave.band);
    this.#assertAllowed(subject);
    const item = outbound(wave, undefined, this.#writer);
    this.#assertFits(item);
    if (!connection.writable) {
      this.flush();
      return this.#wait(this.#packOf(subject, item));
    }
    this.#packFor(subject, item);
    if (!packing) {
      this.flush();
    } else if (!this.#scheduled) {
      this.#scheduled = true;
      this.#parts.flushSoon(this);
    }
    return connection.breath();
  }

  #packOf(subject: string, item: Outbound): Pack {
    const { source, sourceId } = item.wave;
    const pack = new Pack(subject, this.#seal, { source, sourceId });
    pack.add(item);
    return pack;
  }

  /** Waves of one emitter and band stay in order; those of several bands wait side by side, each for its own message. */
  #packFor(subject: string, item: Outbound): void {
    const { sourceId, band } = item.wave;
    for (let at = this.#packs.length - 1; at >= 0; at--) {
      const pack = this.#packs[at];
      if (pack === undefined || pack.origin.sourceId !== sourceId || pack.band !== band) {
        continue;
      }
      const isTaken = pack.subject === subject && pack.add(item);
      if (!isTaken || pack.full) {
        this.#packs.splice(at, 1);
        this.#send(pack);
      }
      if (isTaken) {
        return;
      }
      // It is full, or the next is of another kind: in order, one after the other.
      break;
    }
    if (this.#packs.length >= MOST_OPEN) {
      this.flush();
    }
    this.#packs.push(this.#packOf(subject, item));
  }

  /** Sends what is open. */
  flush(): void {
    this.#scheduled = false;
    const packs = this.#packs;
    if (packs.length > 0) {
      this.#packs = [];
      for (const pack of packs) {
        this.#send(pack);
      }
    }
  }

  #send(pack: Pack, waitedMs?: number): void {
    const { connection, slab } = this.#parts;
    connection.publish(pack.subject, pack.encode(slab, waitedMs));
  }

  /** Lets `pack` wait for a server; `send` is told for how many milliseconds it has. */
  async #wait(
    pack: Pack,
    send: (waitedMs: number) => void = (waitedMs) => this.#send(pack, waitedMs),
  ): Promise<undefined> {
    const { outbox, now } = this.#parts;
    const { amplitude, bytes } = pack;
    const since = now();
    const stale = (at: number): boolean => pack.stale(at);
    await outbox.add({ amplitude, bytes, stale, send: () => send(now() - since) });
    return undefined;
  }

  /**
   * Asks a second time, of each group one that has not been asked: a server would pick any, the one that has it included,
   * so it goes to all instances, and is for one. Gives to how many.
   */
  #askOthers(wave: Wave, exchange: Exchange): number {
    const others = this.#parts.roll.others(this.#channel, wave.band, wave.around);
    for (const { group, name, instance } of others) {
      const init = wave.toInit();
      const copy = Wave.of({ ...init, extras: { ...init.extras, to: { group, name, instance } } });
      // That it has to wait for a server is of no matter: the first try waits as well.
      void this.#ask(copy, exchange, "b")?.catch(() => {});
    }
    return others.length;
  }

  /** Asks whoever hears it on its subject: of commands and queries for all groups, or of what is for one member alone. */
  #ask(wave: Wave, exchange: Exchange, kind: "q" | "b"): undefined | Promise<undefined> {
    const { asked, now } = this.#parts;
    const subject = this.#subject(kind, wave.band);
    this.#assertAllowed(subject);
    const correlation = asked.number();
    const since = now();
    const request = { correlation, leftMs: Math.max(0, exchange.deadline - since) };
    const item = outbound(wave, request, this.#writer);
    this.#assertFits(item);
    this.flush();
    const question = new Question(correlation, exchange, item, subject, this, since);
    asked.add(question);
    return this.#askNow(question, false);
  }

  #askNow(question: Question, isAgain: boolean): undefined | Promise<undefined> {
    const { connection, now } = this.#parts;
    if (!connection.writable) {
      const pack = this.#packOf(question.subject, question.item);
      return this.#wait(pack, (waitedMs) => this.#sendQuestion(question, waitedMs, isAgain));
    }
    this.#sendQuestion(question, isAgain ? now() - question.since : undefined, isAgain);
    return undefined;
  }

  #sendQuestion(question: Question, waitedMs: number | undefined, isAgain: boolean): void {
    const { connection, asked, roll, subjects, slab } = this.#parts;
    const { item, subject, correlation } = question;
    const { wave } = item;
    const most = mostBytesAround(wave) + mostBytesOf(item);
    const message = encode(slab, this.#seal, [item], wave, most, waitedMs);
    connection.publish(subject, message, subjects.instance(wave.sourceId, `n${correlation.toString(36)}`));
    if (!isAgain && wave.around.length === 0 && roll.hearers(this.#channel).observed) {
      this.#send(this.#packOf(this.#subject("o", wave.band), { ...item, request: undefined }), waitedMs);
    }
    asked.left(question);
  }

  again(question: Question): void {
    // In a microtask, so that whatever it throws is nobody's.
    Promise.resolve()
      .then(() => this.#askNow(question, true))
      .catch(() => {});
  }

  #subject(kind: SubjectClass, band: number): string {
    const known = this.#subjects[kind][band];
    if (known !== undefined) {
      return known;
    }
    const subject = this.#parts.subjects.of(kind, band, this.#channel);
    this.#subjects[kind][band] = subject;
    return subject;
  }

  #assertAllowed(subject: string): void {
    const { denied } = this.#parts;
    if (denied.size > 0 && denied.has(subject)) {
      throw deniedError(subject);
    }
  }

  #assertFits({ prepared }: Outbound): void {
    if (prepared === undefined) {
      return;
    }
    const limit = this.#parts.connection.maxPayload - HEAD_BYTES;
    const isText = typeof prepared === "string";
    if (prepared.length * (isText ? 3 : 1) <= limit) {
      return;
    }
    const bytes = isText ? Buffer.byteLength(prepared) : prepared.byteLength;
    if (bytes > limit) {
      throw tooLarge(bytes, limit);
    }
  }
}

/** The refusal of what no message of this server can hold. */
export function tooLarge(bytes: number, limit: number): AetherError {
  return new AetherError(
    "AETHER_TOO_LARGE",
    `Expected a payload of at most ${limit} bytes on this server, got ${bytes}: send a reference to it, or raise max_payload`,
    { details: { bytes, limit } },
  );
}
