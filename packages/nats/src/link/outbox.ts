/** The outbox: what waits for a server to be there. It is bounded; over its bounds the quietest go, each with a verdict. */

import { AetherError, AmplitudeQueue } from "@aether/core";
import { deferred } from "./deferred.ts";

/**
 * What a wave that waits takes beside its message: the wave itself, the promises of its emitter, and what the platform
 * needs to keep all that. Without it an outbox of many small waves would take several times its bytes.
 */
export const WAITING_BYTES = 4096;

/** A message that waits. */
export interface Parcel {
  /** Amplitude of what it holds, 0..1. */
  readonly amplitude: number;
  readonly bytes: number;
  /** Whether it is of use to nobody any more at `now`, in monotonic milliseconds. */
  stale(now: number): boolean;
  /** Sends it. */
  send(): void;
}

interface Waiting {
  readonly parcel: Parcel;
  readonly sent: () => void;
  readonly lost: (error: AetherError) => void;
}

/**
 * The error of what gives way. It has no trace: that would be of whoever has pushed it out, and with many thousands a
 * second traces cost more than everything else.
 */
export function gaveWay(text: string, id?: string): AetherError {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    return new AetherError("AETHER_DISCONNECTED", text, id === undefined ? {} : { details: { id } });
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

/** Parcels in the order of their amplitude; within a band by arrival. */
export class Outbox {
  readonly #queue: AmplitudeQueue<Waiting>;
  #room: (() => void)[] = [];

  constructor(bounds: { readonly waves: number; readonly bytes: number }) {
    this.#queue = new AmplitudeQueue<Waiting>({ cap: bounds.waves, capBytes: bounds.bytes });
  }

  get size(): number {
    return this.#queue.size;
  }

  /** Resolves when it was sent. Rejects with `AETHER_DISCONNECTED` when it has to give way, `AETHER_FADED` when late. */
  add(parcel: Parcel): Promise<void> {
    const { promise, resolve, reject } = deferred<void>();
    const { amplitude, bytes } = parcel;
    for (const { lost } of this.#queue.push(
      { parcel, sent: resolve, lost: reject },
      amplitude,
      bytes + WAITING_BYTES,
    )) {
      lost(gaveWay("No server is there, and the outbox is full: this was among the quietest that waited"));
    }
    return promise;
  }

  /** Sends what waits, as long as `mayGoOn` says so. */
  flush(now: number, mayGoOn: () => boolean): void {
    while (this.#queue.size > 0 && mayGoOn()) {
      const waiting = this.#queue.pop();
      if (waiting === undefined) {
        break;
      }
      if (waiting.parcel.stale(now)) {
        waiting.lost(new AetherError("AETHER_FADED", "It faded while it waited for a server"));
        continue;
      }
      try {
        waiting.parcel.send();
        waiting.sent();
      } catch (error) {
        waiting.lost(error instanceof AetherError ? error : new AetherError("AETHER_CLOSED", "It could not be sent"));
      }
    }
    if (!this.#queue.full) {
      for (const resolve of this.#room.splice(0)) {
        resolve();
      }
    }
  }

  /** Resolves when there is room; `undefined`: there is. */
  room(): Promise<void> | undefined {
    if (!this.#queue.full) {
      return undefined;
    }
    const { promise, resolve } = deferred<void>();
    this.#room.push(resolve);
    return promise;
  }

  /** Ends everything that waits with what `errorOf` makes. */
  close(errorOf: () => AetherError): void {
    for (const { lost } of this.#queue.takeAll()) {
      lost(errorOf());
    }
    for (const resolve of this.#room.splice(0)) {
      resolve();
    }
  }
}
