/** Hearing: a listener's subscriptions, from the server's confirmation to their end. */

import { AetherError, band, isMeantFor, type Listener, type Tuning, type Wave } from "@aether/core";
import type { Msg } from "@nats-io/transport-node";
import type { Connection } from "../connection.ts";
import type { PresenceBeats } from "../presence/presence-beats.ts";
import { queueOf, type SubjectClass, type Subjects } from "../subjects.ts";
import { decode, type Inbound, type InboundParts, isEnvelope, waveOf } from "../wire/envelope.ts";
import type { Arrivals } from "./arrivals.ts";
import { Bands } from "./bands.ts";
import { type ForeignParts, foreignWave } from "./foreign-wave.ts";

/** What the hearings of one link share. */
export interface HearingParts extends ForeignParts {
  readonly connection: Connection;
  readonly subjects: Subjects;
  readonly presence: PresenceBeats;
  readonly arrivals: Arrivals;
  /** Told when it has ended. */
  ended(hearing: Hearing): void;
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
  // An event for one member of a group alone comes as broadcasts do.
  return KINDS[kind].has(head.kind) || (kind === "b" && head.kind === "event" && extras.to?.instance !== undefined);
}

/** One listener's place in NATS. */
export class Hearing implements Tuning {
  readonly #listener: Listener;
  readonly #parts: HearingParts;
  readonly #bands: Bands;
  /** Lowest band that others know it to hear. */
  #lowest = 0;
  #ending: Promise<void> | undefined;

  constructor(listener: Listener, parts: HearingParts) {
    this.#listener = listener;
    this.#parts = parts;
    const { connection, subjects } = parts;
    const { pattern, group, name } = listener.presence;
    const queue = group === false || listener.observes ? undefined : queueOf(group, name);
    this.#bands = new Bands({
      subjects,
      pattern,
      classes: listener.observes ? ["w", "b", "r", "o"] : ["w", "b", "q"],
      listen: (kind, subject) =>
        connection.listen(subject, kind === "w" || kind === "q" ? queue : undefined, (message) =>
          this.#heard(kind, message),
        ),
    });
  }

  /** Resolves when the server has confirmed every subscription. */
  async open(): Promise<void> {
    const { connection, presence } = this.#parts;
    this.#lowest = this.#listener.lowestBand;
    const names = this.#bands.begin(this.#lowest, this.#listener.adapts);
    try {
      await connection.confirm(names);
    } catch (error) {
      this.#bands.cancel();
      throw error;
    }
    presence.add(this.#listener, this.#lowest);
  }

  #heard(kind: SubjectClass, message: Msg): void {
    const { subjects, arrivals } = this.#parts;
    const place = subjects.read(message.subject);
    if (place === undefined) {
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
    if (band(parts.amplitude) !== placeBand || !isOf(kind, parts)) {
      this.#listener.malformed(1);
      return;
    }
    const asks = kind === "q";
    if (asks !== (request !== undefined)) {
      this.#listener.malformed(1);
      return;
    }
    if (!this.#listener.observes && !isMeantFor(parts.extras.to, this.#listener.presence)) {
      return;
    }
    const exchange = request && this.#parts.arrivals.exchange(parts.head.origin.sourceId, request);
    this.#listener.receive(waveOf(inbound, exchange));
  }

  /** A message of a plain client: JSON or bytes, as loud as the middle of its band. */
  #foreign(kind: SubjectClass, channel: string, placeBand: number, message: Msg): void {
    this.#listener.receive(foreignWave(kind, channel, placeBand, message, this.#parts));
  }

  pressure(): void {
    const { lowestBand } = this.#listener;
    if (lowestBand !== this.#lowest && this.#ending === undefined) {
      this.#lowest = lowestBand;
      this.#bands.move(lowestBand);
      this.#parts.presence.add(this.#listener, lowestBand);
    }
  }

  /** Resolves when everything has been heard that was on its way. */
  close(): Promise<void> {
    this.#ending ??= this.#end();
    return this.#ending;
  }

  async #end(): Promise<void> {
    this.#parts.presence.remove(this.#listener);
    await this.#bands.close();
    this.#parts.ended(this);
  }
}

/** What a closed link says. */
export function closedLink(): AetherError {
  return new AetherError("AETHER_CLOSED", "Expected an open link to NATS, got a closed one");
}
