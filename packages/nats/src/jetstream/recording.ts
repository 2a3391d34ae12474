/** Recording: waves on their way to the stream, until it says where they are kept. docs/wire-format.md. */

import { AetherError, type Wave } from "@aether/core";
import { type Msg, MsgHdrsImpl } from "@nats-io/transport-node";
import type { Connection } from "../connection.ts";
import { deferred } from "../link/deferred.ts";
import { gaveWay, WAITING_BYTES } from "../link/outbox.ts";
import { tokenOf } from "../subjects.ts";
import { NumberMap } from "../way-back/number-map.ts";
import { positionOf } from "./position.ts";
import { type PubAck, pubAckOf } from "./pub-ack.ts";
import type { Replies } from "./replies.ts";
import { Waiting, type Waits } from "./waiting.ts";

/** Waves that may be under way at once. */
const WINDOW = 2048;
const SWEEP_MS = 20;
/** After so long without an answer a wave is sent again: whoever had it is gone, or it was lost. */
const SILENT_MS = 2000;
const FIRST_REST_MS = 20;
const LONGEST_REST_MS = 1000;
const TOO_LARGE = 10054;

/** What recording works with. */
export interface RecordingParts {
  readonly connection: Pick<Connection, "writable" | "publish">;
  readonly replies: Replies;
  /** What may wait. */
  readonly bounds: { readonly waves: number; readonly bytes: number };
  /** Monotonic milliseconds, by which deadlines are given. */
  now(): number;
  /** No stream takes waves. */
  missed(): void;
  /** When the record began; `undefined` while that is not known. */
  epoch(): number | undefined;
  /** The same, asked of the server. */
  readEpoch(): Promise<number | undefined>;
}

/** A wave as it goes to the stream. */
export interface Parcel {
  readonly wave: Wave;
  readonly subject: string;
  /** About how many bytes it takes. */
  readonly bytes: number;
  /** The message of a wave that has waited for `waitedMs` milliseconds. */
  encode(waitedMs: number): Uint8Array;
}

interface Entry extends Waits {
  readonly order: number;
  readonly id: string;
  readonly subject: string;
  /** Until it is sent: what is under way is only a message, and no more is kept alive than that. */
  parcel: Parcel | undefined;
  /** What was sent: it is sent again unchanged. `undefined`: it was never sent. */
  message: Uint8Array | undefined;
  /** When it was emitted, in monotonic milliseconds. */
  readonly since: number;
  readonly deadline: number;
  readonly resolve: (position: string) => void;
  readonly reject: (error: AetherError) => void;
  /** Number of its question; 0: it was never sent. */
  number: number;
  /** When it was sent last, in monotonic milliseconds. */
  sentAt: number;
  /** Why it was not kept the last time. */
  refusal: string;
  /** Takes what the stream says to it. */
  readonly answered: (answer: Msg) => void;
}

/** The one header of a recorded wave. Making the client's own for each wave costs more than the rest of sending it. */
class IdHeader extends MsgHdrsImpl {
  id = "";

  override encode(): Uint8Array {
    return Buffer.from(`NATS/1.0\r\nNats-Msg-Id: ${this.id}\r\n\r\n`, "latin1");
  }
}

/** Waves of one link that are being recorded. */
export class Recording {
  readonly #parts: RecordingParts;
  readonly #flying = new NumberMap<Entry>();
  /** Sent once and to be sent again, before those that wait. */
  #again: Entry[] = [];
  readonly #waiting: Waiting<Entry>;
  readonly #header = new IdHeader();
  #orders = 0;
  #last = 0;
  #restMs = FIRST_REST_MS;
  #resting: NodeJS.Timeout | undefined;
  #sweeping: NodeJS.Timeout | undefined;
  readonly #onSettled: (() => void)[] = [];

  constructor(parts: RecordingParts) {
    this.#parts = parts;
    this.#waiting = new Waiting(parts.bounds);
  }

  /** Sends a wave until it is kept; resolves to its position. Rejects as `Recorder.record` does. */
  record(parcel: Parcel, deadline: number): Promise<string> {
    const { promise, resolve, reject } = deferred<string>();
    const { wave, subject, bytes } = parcel;
    const { id, band } = wave;
    // Written out: a spread costs more than sending it.
    const entry: Entry = {
      order: this.#orders++,
      id,
      band,
      subject,
      // A burst that only waits for its turn is soon gone.
      bytes: this.#parts.connection.writable ? bytes : bytes + WAITING_BYTES,
      parcel,
      message: undefined,
      since: this.#parts.now(),
      deadline,
      resolve,
      reject,
      number: 0,
      sentAt: 0,
      refusal: "",
      answered: (answer) => this.#answered(entry, answer),
    };
    if (this.#waiting.size === 0 && this.#maySend()) {
      this.#send(entry);
    } else {
      this.#wait(entry);
    }
    this.#sweeping ??= setInterval(() => this.#sweep(), SWEEP_MS).unref();
    return promise;
  }

  #maySend(): boolean {
    return (
      this.#resting === undefined &&
      this.#again.length === 0 &&
      this.#flying.size < WINDOW &&
      this.#parts.connection.writable
    );
  }

  #wait(entry: Entry): void {
    for (const given of this.#waiting.push(entry)) {
      const text = "More waves wait to be recorded than the outbox holds: this was among the quietest";
      given.reject(gaveWay(text, given.id));
    }
  }

  #send(entry: Entry): void {
    const { connection, replies } = this.#parts;
    if (entry.number === 0) {
      entry.number = replies.open(entry.answered);
    }
    this.#header.id = tokenOf(entry.id);
    entry.sentAt = this.#parts.now();
    this.#flying.set(entry.number, entry);
    try {
      const message = entry.message ?? entry.parcel?.encode(entry.sentAt - entry.since);
      entry.message = message;
      entry.parcel = undefined;
      if (message !== undefined) {
        connection.publish(entry.subject, message, replies.subject(entry.number), this.#header);
      }
    } catch (error) {
      this.#end(entry);
      entry.reject(error instanceof AetherError ? error : closed(entry));
    }
  }

  /** Sends what waits, as long as there is room. */
  flush(): void {
    if (this.#resting !== undefined) {
      return;
    }
    const again = this.#again.sort((one, other) => one.order - other.order);
    this.#again = [];
    for (const [at, entry] of again.entries()) {
      if (!this.#parts.connection.writable) {
        this.#again = again.slice(at);
        return;
      }
      this.#send(entry);
    }
    while (this.#waiting.size > 0 && this.#maySend()) {
      const entry = this.#waiting.shift();
      if (entry !== undefined) {
        this.#send(entry);
      }
    }
  }

  #answered(entry: Entry, { data, headers }: Msg): void {
    const ack = data.length === 0 ? undefined : pubAckOf(data);
    if (ack === undefined) {
      this.#parts.missed();
      this.#refused(entry, headers?.code === 503 ? "no stream takes it" : "the answer cannot be read");
    } else if (ack.sequence > 0) {
      this.#kept(entry, ack);
    } else if (ack.code === TOO_LARGE) {
      this.#end(entry);
      entry.reject(new AetherError("AETHER_TOO_LARGE", `The stream does not take it: ${ack.error}`));
    } else {
      this.#refused(entry, ack.error);
    }
    if (this.#waiting.size > 0) {
      this.flush();
    }
  }

  #kept(entry: Entry, { sequence, duplicate }: PubAck): void {
    this.#end(entry);
    this.#restMs = FIRST_REST_MS;
    const epoch = this.#parts.epoch();
    const isBackwards = !duplicate && sequence <= this.#last;
    this.#last = duplicate ? this.#last : sequence;
    if (epoch === undefined || isBackwards) {
      // A stream that counts from the start again is another one, and its positions must say so.
      void this.#place(entry, sequence);
      return;
    }
    entry.resolve(positionOf(epoch, sequence));
  }

  async #place(entry: Entry, sequence: number): Promise<void> {
    try {
      const epoch = await this.#parts.readEpoch();
      if (epoch !== undefined) {
        entry.resolve(positionOf(epoch, sequence));
        return;
      }
    } catch {
      // Told below.
    }
    entry.reject(uncertain(entry, "the stream is gone"));
  }

  /** It is not kept: everything rests for a while, and goes on in its order. */
  #refused(entry: Entry, why: string): void {
    entry.refusal = why;
    if (!this.#flying.delete(entry.number)) {
      return; // An old answer to what is about to be sent again.
    }
    this.#again.push(entry);
    if (this.#resting === undefined) {
      const restMs = this.#restMs * (0.5 + Math.random() / 2);
      this.#restMs = Math.min(LONGEST_REST_MS, this.#restMs * 2);
      this.#resting = setTimeout(() => {
        this.#resting = undefined;
        this.flush();
      }, restMs).unref();
    }
  }

  /** The connection broke: nobody knows what of that which was under way has arrived. */
  disconnected(): void {
    for (const entry of this.#flying.values()) {
      entry.refusal = "the connection broke";
      this.#again.push(entry);
    }
    this.#flying.clear();
  }

  /** The server does not allow waves on `subject`. */
  denied(subject: string): void {
    for (const entry of [...this.#flying.values()]) {
      if (entry.subject === subject) {
        this.#end(entry);
        const text = `The server does not allow this client to publish on "${subject}"`;
        entry.reject(new AetherError("AETHER_UNAUTHORISED", text, { details: { subject } }));
      }
    }
  }

  #sweep(): void {
    const now = this.#parts.now();
    const silentSince = now - SILENT_MS;
    for (const entry of [...this.#flying.values(), ...this.#again, ...this.#waiting]) {
      if (entry.deadline <= now) {
        this.#end(entry);
        entry.reject(uncertain(entry, entry.number === 0 ? "no server is there" : entry.refusal || "no answer came"));
      } else if (entry.sentAt > 0 && entry.sentAt < silentSince && this.#parts.connection.writable) {
        this.#resend(entry);
      }
    }
    this.flush();
    if (this.size === 0) {
      clearInterval(this.#sweeping);
      this.#sweeping = undefined;
    }
  }

  #resend(entry: Entry): void {
    if (this.#flying.has(entry.number)) {
      entry.refusal = "no answer came";
      this.#send(entry);
    }
  }

  /** Waves that are not settled. */
  get size(): number {
    return this.#flying.size + this.#again.length + this.#waiting.size;
  }

  /** Resolves when nothing is under way any more. */
  settled(): Promise<void> {
    if (this.size === 0) {
      return Promise.resolve();
    }
    const { promise, resolve } = deferred<void>();
    this.#onSettled.push(resolve);
    return promise;
  }

  #end(entry: Entry): void {
    if (!this.#flying.delete(entry.number) && !this.#waiting.delete(entry)) {
      const at = this.#again.indexOf(entry);
      if (at >= 0) {
        this.#again.splice(at, 1);
      }
    }
    this.#parts.replies.close(entry.number);
    if (this.#onSettled.length > 0 && this.size === 0) {
      for (const resolve of this.#onSettled.splice(0)) {
        resolve();
      }
    }
  }

  close(): void {
    clearInterval(this.#sweeping);
    clearTimeout(this.#resting);
    for (const entry of [...this.#flying.values(), ...this.#again, ...this.#waiting]) {
      this.#end(entry);
      entry.reject(entry.number === 0 ? closed(entry) : uncertain(entry, "the link was closed"));
    }
  }
}

function uncertain({ id, number }: Entry, why: string): AetherError {
  return new AetherError(
    "AETHER_UNCERTAIN",
    `Whether wave "${id}" was recorded is not known: ${why}. Emit it again under the same id`,
    { details: { id, stored: number === 0 ? "no" : "unknown" } },
  );
}

function closed({ id }: Entry): AetherError {
  return new AetherError("AETHER_CLOSED", "The link was closed before the wave was recorded", { details: { id } });
}
