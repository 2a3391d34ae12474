/** Storing: single messages for a stream, sent until it says that it has them. For what is rare; waves have their own way. */

import { AetherError } from "@aether/core";
import { headers, type Msg } from "@nats-io/transport-node";
import type { Connection } from "../connection.ts";
import { deferred } from "../link/deferred.ts";
import { MANAGEMENT_MS, paused } from "./management.ts";
import { pubAckOf } from "./pub-ack.ts";
import type { Replies } from "./replies.ts";

/** After so long without an answer a message is sent again. */
const SILENT_MS = 1000;
const FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 500;
const WRONG_SEQUENCE = 10071;

/** What storing works with. */
export interface StoringParts {
  readonly connection: Connection;
  readonly replies: Replies;
  readonly closed: () => boolean;
  /** Throws `AETHER_TOO_LARGE` or `AETHER_UNAUTHORISED`. */
  assertSendable(subject: string, bytes: number): void;
  /** Makes sure that the streams are there. */
  ready(anew: boolean): Promise<void>;
}

/**
 * Stores `data` as the one message of `subject`, if the last of it has the number `last` (0: there is none). Resolves to
 * its own number, or to `undefined` where another one is the last, which may be this very message when an answer was lost. Rejects with
 * `AETHER_TIMEOUT` when that is not known after ten seconds, `AETHER_UNAUTHORISED`, `AETHER_TOO_LARGE`, `AETHER_CLOSED`.
 */
export async function store(
  subject: string,
  data: Uint8Array,
  last: number,
  parts: StoringParts,
): Promise<number | undefined> {
  const givenUpAt = performance.now() + MANAGEMENT_MS;
  await parts.ready(false);
  let why = "no answer came";
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 2)) {
    if (parts.closed()) {
      throw new AetherError("AETHER_CLOSED", `The link was closed before "${subject}" was stored`);
    }
    parts.assertSendable(subject, data.length);
    const answer = parts.connection.connected ? await ask(subject, data, last, parts) : undefined;
    const ack = answer === undefined || answer.data.length === 0 ? undefined : pubAckOf(answer.data);
    if (ack !== undefined && ack.sequence > 0) {
      return ack.sequence;
    }
    if (ack?.code === WRONG_SEQUENCE) {
      return undefined;
    }
    why = ack?.error ?? (answer === undefined ? "no answer came" : "no stream takes it");
    if (performance.now() > givenUpAt) {
      throw new AetherError("AETHER_TIMEOUT", `Expected "${subject}" to be stored in ${MANAGEMENT_MS} ms, got: ${why}`);
    }
    await paused(pauseMs);
    if (answer !== undefined && ack === undefined) {
      await parts.ready(true);
    }
  }
}

/** What the stream answers; `undefined`: nothing. */
async function ask(
  subject: string,
  data: Uint8Array,
  last: number,
  { connection, replies }: StoringParts,
): Promise<Msg | undefined> {
  const { promise, resolve } = deferred<Msg | undefined>();
  const number = replies.open(resolve);
  const timer = setTimeout(() => resolve(undefined), SILENT_MS);
  const expecting = headers();
  expecting.set("Nats-Expected-Last-Subject-Sequence", String(last));
  try {
    connection.publish(subject, data, replies.subject(number), expecting);
    return await promise;
  } finally {
    clearTimeout(timer);
    replies.close(number);
  }
}
