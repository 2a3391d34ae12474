/** Hearing: a listener's subscriptions, from the server's confirmation to their end. */

import {
  AetherError,
  BANDS,
  band,
  isMeantFor,
  type Listener,
  type Presence,
  type Tuning,
  type Wave,
} from "@aether/core";
import type { Msg, Subscription } from "@nats-io/transport-node";
import type { Connection } from "../connection.ts";
import { recordBand } from "../jetstream/record-band.ts";
import type { PresenceBeats } from "../presence/presence-beats.ts";
import { queueOf, type SubjectClass, type Subjects } from "../subjects.ts";
import { decode, type Inbound, type InboundParts, isEnvelope, waveOf } from "../wire/envelope.ts";
import type { Arrivals } from "./arrivals.ts";
import { Bands, drain } from "./bands.ts";
import { type ForeignParts, foreignWave } from "./foreign-wave.ts";

/** What the hearings of one link share. */
export interface HearingParts extends ForeignParts {
  readonly connection: Connection;
  readonly subjects: Subjects;
  readonly presence: PresenceBeats;
  readonly arrivals: Arrivals;
  /** The record, where there is one. */
  readonly record: LiveRecord | undefined;
  /** Told when it has ended. */
  ended(hearing: Hearing): void;
}

/** What hearings ask of the record. */
export interface LiveRecord {
  /** Whether `presence` is that of a follower: recorded waves come to it from the record alone. */
  follows(presence: Presence): boolean;
  /** Whether some channel of `pattern` is recorded. */
  overlaps(pattern: string): boolean;
}

/** Kinds of waves that a class of subjects may carry. */
const KINDS: Readonly<Record<SubjectClass, ReadonlySet<Wave["kind"]>>> = {
  w: new Set(["event"]),
  b: new Set(["broadcast"]),
  q: new Set(["command", "query"]),
  o: new Set(["command", "query"]),
  r: new Set(["event", "broadcast", "command"]),
};

/** Whether such a wave may come on a subject of this class. */
function isOf(kind: SubjectClass, { head, extras }: InboundParts): boolean {
  // An event or query for one member of a group alone comes as broadcasts do.
  const mayBeForOne = kind === "b" && (head.kind === "event" || head.kind === "query");
  return KINDS[kind].has(head.kind) || (mayBeForOne && extras.to?.instance !== undefined);
}

/** One listener's place in NATS. */
export class Hearing implements Tuning {
  readonly #listener: Listener;
  readonly #parts: HearingParts;
  readonly #bands: Bands;
  /** Name under which the group shares; `undefined`: it shares with nobody. */
  readonly #queue: string | undefined;
  /** Lowest band that others know it to hear. */
  #lowest = 0;
  /** Recorded waves as they pass, for those who do not follow them. */
  #recorded: Subscription | undefined;
  /** Whether it follows the record, and hears nothing but requests. */
  readonly #follows: boolean;
  #ending: Promise<void> | undefined;

  constructor(listener: Listener, parts: HearingParts) {
    this.#listener = listener;
    this.#parts = parts;
    const { connection, subjects } = parts;
    const { pattern, group, name } = listener.presence;
    const queue = group === false || listener.observes ? undefined : queueOf(group, name);
    this.#queue = queue;
    this.#follows = parts.record?.follows(listener.presence) === true;
    this.#bands = new Bands({
      subjects,
      pattern,
      ...classesOf(this.#follows, listener.observes, queue !== undefined),
      listen: (kind, subject) =>
        connection.listen(subject, kind === "w" || kind === "q" ? queue : undefined, (message) =>
          this.#heard(kind, message),
        ),
    });
  }

  /** Resolves when the server has confirmed every subscription. */
  async open(): Promise<void> {
    const { connection, presence } = this.#parts;
    this.#lowest = this.#wanted;
    const names = this.#bands.begin(this.#lowest, this.#listener.adapts);
    this.recordChanged();
    try {
      await connection.confirm(names);
    } catch (error) {
      this.#bands.cancel();
      this.#recorded?.unsubscribe();
      throw error;
    }
    presence.add(this.#listener, this.#lowest);
  }

  /** More is recorded than before: a listener that does not follow hears what it would have heard else. */
  recordChanged(): void {
    const { connection, subjects, record } = this.#parts;
    const { presence, observes } = this.#listener;
    const isDue = this.#recorded === undefined && !this.#follows && this.#ending === undefined;
    if (isDue && (observes || record?.overlaps(presence.pattern) === true)) {
      const queue = this.#queue;
      const subject = subjects.all("r", presence.pattern);
      this.#recorded = connection.listen(subject, queue, (message) => this.#heard("r", message));
    }
  }

  #heard(kind: SubjectClass, message: Msg): void {
    const { subjects, arrivals } = this.#parts;
    const place = subjects.read(message.subject);
    if (place === undefined) {
      this.#listener.malformed(1); // There is no such band.
      return;
    }
    const { data } = message;
    const { channel } = place;
    if (!isEnvelope(data)) {
      this.#foreign(kind, channel, place.band, message);
      return;
    }
    const moment = arrivals.moment();
    const waves = decode(data, channel, arrivals.sealOf(channel), moment);
    if (waves === undefined) {
      this.#listener.malformed(1);
      return;
    }
    for (const inbound of waves) {
      this.#take(kind, place.band, inbound);
    }
  }

  #take(kind: SubjectClass, placeBand: number, inbound: Inbound): void {
    const { parts, request } = inbound;
    // A wave in a band that is not its own would get around what a broker permits.
    const own = kind === "r" ? recordBand(parts.amplitude) : band(parts.amplitude);
    if (own !== placeBand || !isOf(kind, parts)) {
      this.#listener.malformed(1);
      return;
    }
    const asks = kind === "q" || (kind === "b" && parts.head.kind === "query");
    if (asks !== (request !== undefined)) {
      this.#listener.malformed(1);
      return;
    }
    // A query for one member is the second try of an emitter that waits for too long: nobody looks on twice.
    const { observes } = this.#listener;
    if (observes ? asks : !isMeantFor(parts.extras.to, this.#listener.presence)) {
      return;
    }
    const exchange = request && this.#parts.arrivals.exchange(parts.head.origin.sourceId, request);
    this.#listener.receive(waveOf(inbound, exchange));
  }

  /** A message of a plain client: JSON or bytes, as loud as the middle of its band. */
  #foreign(kind: SubjectClass, channel: string, placeBand: number, message: Msg): void {
    this.#listener.receive(foreignWave(kind, channel, placeBand, message, this.#parts));
  }

  /** The lowest band it wants; who stands aside wants none. */
  get #wanted(): number {
    const { aside, lowestBand } = this.#listener;
    return aside === true ? BANDS : lowestBand;
  }

  pressure(): void {
    const lowest = this.#wanted;
    if (lowest !== this.#lowest && this.#ending === undefined) {
      this.#lowest = lowest;
      this.#bands.move(lowest);
      this.#parts.presence.add(this.#listener, lowest);
    }
  }

  /** The link moves to another server: resolves when everything has been heard that was on its way from this one. */
  async away(): Promise<void> {
    const recorded = this.#recorded;
    this.#recorded = undefined;
    await Promise.all([this.#bands.away(), recorded && drain(recorded)]);
  }

  /** The connection is there again. */
  back(): void {
    if (this.#ending === undefined) {
      this.#bands.back(this.#lowest);
      this.recordChanged();
    }
  }

  /** Resolves when everything has been heard that was on its way. */
  close(): Promise<void> {
    this.#ending ??= this.#end();
    return this.#ending;
  }

  async #end(): Promise<void> {
    this.#parts.presence.remove(this.#listener);
    await Promise.all([this.#bands.close(), this.#recorded && drain(this.#recorded)]);
    this.#parts.ended(this);
  }
}

/** What a closed link says. */
export function closedLink(): AetherError {
  return new AetherError("AETHER_CLOSED", "Expected an open link to NATS, got a closed one");
}

/** Which classes it hears as one of its group, and which as everybody does. */
function classesOf(
  follows: boolean,
  observes: boolean,
  isShared: boolean,
): { readonly shared: readonly SubjectClass[]; readonly plain: readonly SubjectClass[] } {
  const inGroup: readonly SubjectClass[] = follows ? ["q"] : observes ? [] : ["w", "q"];
  const everybody: readonly SubjectClass[] = follows ? [] : observes ? ["w", "b", "o"] : ["b"];
  return isShared ? { shared: inGroup, plain: everybody } : { shared: [], plain: [...inGroup, ...everybody] };
}
