/** The traffic that all rows send, in bursts. */

import { order } from "./order.ts";
import type { Peer } from "./peers/peer.ts";

export const BURST = 256;

/** Channels for one burst after the other, used in a circle; the length is a multiple of BURST. */
export type Itinerary = readonly string[];

export function always(channel: string): Itinerary {
  return new Array<string>(BURST).fill(channel);
}

/** Random picks, the same ones in every process. */
export function wander(channels: readonly string[]): Itinerary {
  let state = 0x2545f491;
  return Array.from({ length: 32 * BURST }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return channels[Math.floor((state / 2 ** 32) * channels.length)] as string;
  });
}

/** Emits one burst along the itinerary. */
export type Burst = () => Promise<void>;

/** All emits of the burst are under way at once and awaited together; a peer without promises only has to be called. */
export function together(peer: Peer, itinerary: Itinerary): Burst {
  const next = laps(itinerary);
  if (!peer.promises) {
    return async () => {
      for (let i = 0, at = next(); i < BURST; i++) peer.emit(itinerary[at + i] as string, order);
    };
  }
  return async () => {
    const sent = new Array<unknown>(BURST);
    for (let i = 0, at = next(); i < BURST; i++) sent[i] = peer.emit(itinerary[at + i] as string, order);
    await Promise.all(sent);
  };
}

/** Each emit is awaited before the next. */
export function oneByOne(peer: Peer, itinerary: Itinerary): Burst {
  const next = laps(itinerary);
  return async () => {
    for (let i = 0, at = next(); i < BURST; i++) await peer.emit(itinerary[at + i] as string, order);
  };
}

function laps(itinerary: Itinerary): () => number {
  let at = -BURST;
  return () => {
    at = (at + BURST) % itinerary.length;
    return at;
  };
}
