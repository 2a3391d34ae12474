/** Hearing: a listener's subscriptions, from the server's confirmation to their end. */

import { AetherError, band, isMeantFor, type Listener, type Tuning, type Wave } from "@aether/core";
import type { Msg, Subscription } from "@nats-io/transport-node";
import type { Connection } from "../connection.ts";
import type { PresenceBeats } from "../presence/presence-beats.ts";
import { queueOf, type SubjectClass, type Subjects } from "../subjects.ts";
import { decode, type Inbound, type InboundParts, isEnvelope, waveOf } from "../wire/envelope.ts";
import type { Arrivals } from "./arrivals.ts";
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
  #subscriptions: readonly Subscription[] = [];
  #ending: Promise<void> | undefined;

  constructor(listener: Listener, parts: HearingParts) {
    this.#listener = listener;
    this.#parts = parts;
  }

  /** Resolves when the server has confirmed every subscription. */
  async open(): Promise<void> {
    const { connection, subjects, presence } = this.#parts;
    const { pattern, group, name } = this.#listener.presence;
    const queue = group === false || this.#listener.observes ? undefined : queueOf(group, name);
    const classes: readonly SubjectClass[] = this.#listener.observes ? ["w", "b", "r", "o"] : ["w", "b", "q"];
    const names = classes.map((kind) => subjects.all(kind, pattern));
    this.#subscriptions = classes.map((kind, at) =>
      connection.listen(names[at] ?? "", kind === "w" || kind === "q" ? queue : undefined, (message) =>
        this.#heard(kind, message),
      ),
    );
    try {
      await connection.confirm(names);
    } catch (error) {
      this.#unsubscribe();
      throw error;
    }
    presence.add(this.#listener, 0);
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
    // Subscriptions do not depend on how full an inbox is.
  }

  /** Resolves when everything has been heard that was on its way. */
  close(): Promise<void> {
    this.#ending ??= this.#end();
    return this.#ending;
  }

  async #end(): Promise<void> {
    this.#parts.presence.remove(this.#listener);
    await Promise.all(this.#subscriptions.map((subscription) => drained(subscription)));
    this.#parts.ended(this);
  }

  #unsubscribe(): void {
    for (const subscription of this.#subscriptions) {
      if (!subscription.isClosed()) {
        subscription.unsubscribe();
      }
    }
  }
}

async function drained(subscription: Subscription): Promise<void> {
  try {
    await subscription.drain();
  } catch {
    // The connection is closed, or the server has ended it: nothing more comes.
  }
}

/** What a closed link says. */
export function closedLink(): AetherError {
  return new AetherError("AETHER_CLOSED", "Expected an open link to NATS, got a closed one");
}
