/** A pull of one band: asks its place for waves, one request at a time, so that what is under way is known exactly. */

import type { Msg, Subscription } from "@nats-io/transport-node";
import type { Connection } from "../connection.ts";
import type { Claimant } from "./credits.ts";
import { type Delivery, deliveryOf } from "./delivery.ts";

/** How long the server keeps a request when no waves wait. */
const PATIENT_MS = 30_000;
const NANOS_PER_MS = 1e6;
/** After so long a request that nothing was heard of is lost. */
const LOST_MS = 5000;
const FIRST_REST_MS = 50;
const LONGEST_REST_MS = 1000;
const RADIX = 36;

/** What a pull works with. */
export interface PullParts {
  readonly connection: Connection;
  /** Where requests go. */
  readonly api: string;
  /** A subject that was never used; one token follows. */
  inbox(): string;
  delivered(delivery: Delivery): void;
  /** It may be asked again. */
  idle(): void;
  /** Its place does not answer, or is gone. */
  lost(): void;
}

/** The requests of one band. */
export class BandPull implements Claimant {
  readonly weight: number;
  busy: boolean;
  fresh = true;
  claim = 0;
  pass = 0;
  /** Waves that were asked for and have not come. */
  pending = 0;
  readonly #parts: PullParts;
  #subscription: Subscription | undefined;
  #inbox = "";
  #number = 0;
  #lostAt = Number.POSITIVE_INFINITY;
  #restMs = FIRST_REST_MS;
  #restsUntil = 0;

  /** `waiting` is how many waves wait at its place. */
  constructor(weight: number, waiting: number, parts: PullParts) {
    this.weight = weight;
    this.busy = waiting > 0;
    this.#parts = parts;
    this.#listen();
  }

  #listen(): void {
    this.#inbox = this.#parts.inbox();
    this.#subscription = this.#parts.connection.listen(`${this.#inbox}.*`, undefined, (message) =>
      this.#heard(message),
    );
  }

  /** Whether it may ask at `now`, in milliseconds of the platform. */
  ready(now: number): boolean {
    return this.pending === 0 && now >= this.#restsUntil;
  }

  /** Asks for up to `waves` waves: patiently until some come, or only for those that wait already. */
  ask(waves: number, patiently: boolean): void {
    const { connection, api } = this.#parts;
    this.pending = waves;
    this.#number++;
    const request = patiently ? { batch: waves, expires: PATIENT_MS * NANOS_PER_MS } : { batch: waves, no_wait: true };
    this.#lostAt = performance.now() + LOST_MS + (patiently ? PATIENT_MS : 0);
    connection.publish(api, Buffer.from(JSON.stringify(request)), `${this.#inbox}.${this.#number.toString(RADIX)}`);
  }

  #heard(message: Msg): void {
    const delivery = deliveryOf(message);
    if (delivery !== undefined) {
      this.pending = Math.max(0, this.pending - 1);
      this.#restMs = FIRST_REST_MS;
      this.#lostAt = Math.max(this.#lostAt, performance.now() + LOST_MS);
      this.#turn(delivery.pending > 0);
      this.#parts.delivered(delivery);
      return;
    }
    const number = Number.parseInt(message.subject.slice(this.#inbox.length + 1), RADIX);
    const code = message.headers?.code ?? 0;
    if (number !== this.#number || code < 300) {
      return;
    }
    this.pending = 0;
    this.#turn(false);
    if (code !== 404 && code !== 408) {
      this.#rest(code, message.headers?.description ?? "");
    }
    this.#parts.idle();
  }

  #turn(busy: boolean): void {
    this.fresh = busy && (this.fresh || !this.busy);
    this.busy = busy;
    if (!busy) {
      this.claim = 0;
    }
  }

  #rest(code: number, description: string): void {
    this.#restsUntil = performance.now() + this.#restMs;
    setTimeout(() => this.#parts.idle(), this.#restMs + 1).unref();
    this.#restMs = Math.min(LONGEST_REST_MS, this.#restMs * 2);
    if (code === 503 || /deleted/i.test(description)) {
      this.#parts.lost();
    }
  }

  /** Begins anew under another inbox: what was asked for before comes to nobody. */
  reset(): void {
    this.#subscription?.unsubscribe();
    this.pending = 0;
    this.claim = 0;
    this.#listen();
  }

  /** Begins anew when a request was lost. */
  check(now: number): void {
    if (this.pending > 0 && now > this.#lostAt) {
      this.reset();
      this.#parts.idle();
    }
  }

  /** Resolves when nothing more comes. */
  async close(): Promise<void> {
    try {
      await this.#subscription?.drain();
    } catch {
      // The connection is closed: nothing more comes.
    }
  }
}
