/** Deliveries: messages that a server hands over from a place, and what it says when it hands over nothing. */

import type { Msg } from "@nats-io/transport-node";

const ACK = "$JS.ACK.";
/** Tokens of a reply subject before the numbers: with and without the domain and the account. */
const SHORT_TOKENS = 9;
const NANOS_PER_MS = 1_000_000;

/** One message of the stream. */
export interface Delivery {
  /** Number of the wave in the stream. */
  readonly sequence: number;
  /** Number of the delivery at its place. */
  readonly delivery: number;
  /** When the stream took it, in wall-clock milliseconds. */
  readonly storedAt: number;
  /** How many more wait at the place. */
  readonly pending: number;
  /** Where it is settled. */
  readonly reply: string;
  readonly message: Msg;
}

/** The delivery that `message` is; `undefined`: it only says something about a pull. */
export function deliveryOf(message: Msg): Delivery | undefined {
  const { reply } = message;
  if (reply === undefined || !reply.startsWith(ACK)) {
    return undefined;
  }
  const tokens = reply.split(".");
  const at = tokens.length === SHORT_TOKENS ? 5 : 7;
  return {
    sequence: Number(tokens[at]),
    delivery: Number(tokens[at + 1]),
    storedAt: Math.floor(Number(tokens[at + 2]) / NANOS_PER_MS),
    pending: Number(tokens[at + 3]),
    reply,
    message,
  };
}
