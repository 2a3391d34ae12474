/** What a contestant must be able to do. An adapter loads its library when opened, so that a process holds no other. */

import type { Order } from "../order.ts";

export type CountingHandler = () => void | Promise<void>;

export interface Peer {
  /** False when `emit` has run every handler before it returns. */
  readonly promises: boolean;
  /** Adds one listener of its own group that hears all `patterns`. */
  listen(patterns: readonly string[], handler: CountingHandler): Promise<void>;
  emit(channel: string, payload: Order): unknown;
  close(): Promise<void>;
}

export interface Stock {
  readonly available: boolean;
  readonly left: number;
}

export interface AskingPeer {
  answer(channel: string, reply: () => Stock): Promise<void>;
  ask(channel: string, payload: Order, timeoutMs: number): Promise<unknown>;
  /** The answer inside what `ask` resolved to. */
  read(answer: unknown): unknown;
  close(): Promise<void>;
}
