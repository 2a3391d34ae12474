/** What is in hand: waves that were handed over, kept from others until they are settled. */

import { AetherError, type Custody } from "@aether/core";
import type { Connection } from "../connection.ts";
import { type Deferred, deferred } from "../link/deferred.ts";
import type { Delivery } from "./delivery.ts";
import type { Replies } from "./replies.ts";

const DONE = Buffer.from("+ACK");
const WORKING = Buffer.from("+WPI");
const NEVER = Buffer.from("+TERM");
const NANOS_PER_MS = 1e6;
/** After so long without an answer the server is told again. */
const SILENT_MS = 2000;
const NO_RESPONDERS = 503;

/** What is in hand works with. */
export interface InHandParts {
  readonly connection: Connection;
  readonly replies: Replies;
  /** The place does not answer, or is gone. */
  lost(): void;
}

/** One wave in hand. */
interface Held {
  reply: string;
  /** When the server last heard of it, in milliseconds of the platform. */
  toldAt: number;
  /** There once it is done with and the server is being told so. */
  settling: Deferred<void> | undefined;
  number: number;
}

/**
 * Waves in hand, by their number in the stream. `done` is confirmed by the server (a double ack): a group that goes on
 * after it is never handed the wave again, unless the server loses what it has confirmed.
 */
export class InHand {
  readonly #held = new Map<number, Held>();
  readonly #parts: InHandParts;

  constructor(parts: InHandParts) {
    this.#parts = parts;
  }

  get size(): number {
    return this.#held.size;
  }

  has({ sequence }: Delivery): boolean {
    return this.#held.has(sequence);
  }

  /** Takes a delivery; `undefined`: the wave is in hand already, and stays where it is. */
  take({ sequence, reply }: Delivery): Custody | undefined {
    const known = this.#held.get(sequence);
    if (known !== undefined) {
      known.reply = reply;
      if (known.settling === undefined) {
        this.#tell(known, WORKING);
      } else {
        this.#settle(known);
      }
      return undefined;
    }
    const held: Held = { reply, toldAt: performance.now(), settling: undefined, number: 0 };
    this.#held.set(sequence, held);
    return {
      done: () => this.#done(sequence, held),
      giveBack: (delayMs = 0) => this.#giveBack(sequence, held, delayMs),
    };
  }

  /** Gives back what was never taken. */
  refuse({ reply }: Delivery): void {
    this.#publish(reply, later(0));
  }

  /** Is done for good with what is no wave. */
  end({ reply }: Delivery): void {
    this.#publish(reply, NEVER);
  }

  #done(sequence: number, held: Held): Promise<void> {
    if (held.settling !== undefined) {
      return held.settling.promise;
    }
    const settling = deferred<void>();
    // Nobody need look at how it ends.
    settling.promise.catch(() => {});
    held.settling = settling;
    if (this.#held.get(sequence) !== held) {
      settling.resolve(); // It was given back, or its record is gone: there is nothing to be kept.
      return settling.promise;
    }
    held.number = this.#parts.replies.open(({ data, headers }) => {
      if (data.length === 0 && headers?.code === NO_RESPONDERS) {
        held.toldAt = performance.now() - SILENT_MS / 2;
        this.#parts.lost();
        return;
      }
      this.#forget(sequence, held);
      settling.resolve();
    });
    this.#settle(held);
    return settling.promise;
  }

  #settle(held: Held): void {
    this.#tell(held, DONE, this.#parts.replies.subject(held.number));
  }

  #giveBack(sequence: number, held: Held, delayMs: number): void {
    if (held.settling === undefined && this.#held.get(sequence) === held) {
      this.#held.delete(sequence);
      this.#publish(held.reply, later(delayMs));
    }
  }

  #forget(sequence: number, held: Held): void {
    if (this.#held.get(sequence) === held) {
      this.#held.delete(sequence);
    }
    this.#parts.replies.close(held.number);
  }

  #tell(held: Held, what: Uint8Array, reply?: string): void {
    held.toldAt = performance.now();
    this.#publish(held.reply, what, reply);
  }

  #publish(subject: string, what: Uint8Array, reply?: string): void {
    const { connection } = this.#parts;
    if (!connection.connected) {
      return; // Told again when it is back; what was given back comes again by itself.
    }
    try {
      connection.publish(subject, what, reply);
    } catch {
      // The link is closed: the server gives it to somebody else.
    }
  }

  /** Tells the server of everything that it has not heard of for `everyMs`. */
  work(everyMs: number): void {
    const now = performance.now();
    for (const held of this.#held.values()) {
      if (held.settling === undefined) {
        if (now - held.toldAt >= everyMs) {
          this.#tell(held, WORKING);
        }
      } else if (now - held.toldAt >= SILENT_MS) {
        this.#settle(held);
      }
    }
  }

  /** The connection is back: the server may have heard nothing. */
  reconnected(): void {
    for (const held of this.#held.values()) {
      if (held.settling === undefined) {
        this.#tell(held, WORKING);
      } else {
        this.#settle(held);
      }
    }
  }

  /** The place is gone, and with it what was to be kept of it. */
  gone(): void {
    for (const [sequence, held] of [...this.#held]) {
      this.#forget(sequence, held);
      held.settling?.resolve();
    }
  }

  /** Resolves when nothing is being settled any more. */
  async settled(): Promise<void> {
    await Promise.allSettled([...this.#held.values()].map(({ settling }) => settling?.promise));
  }

  /** Gives back what is not settled; what is being settled rejects, for nobody hears any more how that ends. */
  close(): void {
    for (const [sequence, held] of [...this.#held]) {
      if (held.settling === undefined) {
        this.#giveBack(sequence, held, 0);
      } else {
        this.#forget(sequence, held);
        held.settling.reject(new AetherError("AETHER_CLOSED", "The link was closed before the server had kept it"));
      }
    }
  }
}

function later(delayMs: number): Uint8Array {
  return Buffer.from(delayMs > 0 ? `-NAK {"delay":${Math.ceil(delayMs * NANOS_PER_MS)}}` : "-NAK");
}
