/** The post: what is told to one address in one tick goes there in one message. */

import type { Connection } from "../connection.ts";
import { Address, type Mailing } from "./address.ts";

/** What is kept for a server to be there again, at the most. */
const MOST_KEPT = 4096;
const MOST_KEPT_BYTES = 8 * 1024 * 1024;
/** Addresses that are found again. Those who hold one keep it. */
const MOST_ADDRESSES = 256;

/** The addresses of one link. */
export class Post implements Mailing {
  readonly #connection: Connection;
  readonly #addresses = new Map<string, Address>();
  /** Those that have something to send, and a spare list. */
  #waiting: Address[] = [];
  #spare: Address[] = [];
  /** What was told while no server was there, oldest first. */
  #kept: { readonly subject: string; readonly message: Uint8Array }[] = [];
  #keptBytes = 0;
  #scheduled = false;
  readonly #flush = (): void => this.flush();

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Where those are told who listen on `subject`. */
  address(subject: string): Address {
    const known = this.#addresses.get(subject);
    if (known !== undefined) {
      return known;
    }
    if (this.#addresses.size >= MOST_ADDRESSES) {
      this.#addresses.clear();
    }
    const address = new Address(subject, this);
    this.#addresses.set(subject, address);
    return address;
  }

  flushSoon(address: Address): void {
    this.#waiting.push(address);
    if (!this.#scheduled) {
      this.#scheduled = true;
      process.nextTick(this.#flush);
    }
  }

  /** Sends everything now. */
  flush(): void {
    this.#scheduled = false;
    const waiting = this.#waiting;
    this.#waiting = this.#spare;
    this.#spare = waiting;
    for (const address of waiting) {
      address.flush();
    }
    waiting.length = 0;
  }

  get maxBytes(): number {
    return this.#connection.maxPayload;
  }

  send(subject: string, message: Buffer): void {
    if (message.length > this.maxBytes) {
      return; // Nobody could be told of it.
    }
    if (this.#connection.connected) {
      this.#connection.publish(subject, message);
    } else {
      this.#keep(subject, message);
    }
  }

  /** Whoever waits for an answer may still do so when a server is there again. What is too much is dropped, oldest first. */
  #keep(subject: string, message: Uint8Array): void {
    this.#kept.push({ subject, message: Uint8Array.from(message) });
    this.#keptBytes += message.length;
    while (this.#kept.length > MOST_KEPT || this.#keptBytes > MOST_KEPT_BYTES) {
      this.#keptBytes -= this.#kept.shift()?.message.length ?? 0;
    }
  }

  /** The connection is back: sends what was kept. */
  again(): void {
    const kept = this.#kept;
    this.#kept = [];
    this.#keptBytes = 0;
    for (const { subject, message } of kept) {
      this.#connection.publish(subject, message);
    }
  }
}
