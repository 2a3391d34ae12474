/** Calls that manage streams and places: repeated until they are through, for a cluster that elects answers nobody. */

import { AetherError, messageOf } from "@aether/core";
import { JetStreamApiCodes, JetStreamApiError, type JetStreamManager } from "@nats-io/jetstream";
import { PermissionViolationError } from "@nats-io/transport-node";

/** How long a call is repeated. */
export const MANAGEMENT_MS = 10_000;
/** How long one attempt may take. */
export const ATTEMPT_MS = 2000;
const FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 1000;
const UNAVAILABLE = 503;
const NAME_IN_USE = 10058;
/** Servers of a cluster are away, too many to keep something new: they may come back. */
const NO_PEERS = 10005;

/** What {@link managed} works with. */
export interface Managed {
  readonly manager: JetStreamManager;
  /** Whether the server says that it keeps streams: then one that does not answer is on its way. */
  readonly offered: () => boolean;
  readonly closed: () => boolean;
}

/**
 * What `call` gives, repeated for {@link MANAGEMENT_MS} while the server has no answer. Rejects with
 * `AETHER_UNSUPPORTED` where no streams are kept or the server refuses, `AETHER_UNAUTHORISED`, `AETHER_TIMEOUT` when it never answers, and
 * with the error itself where it says that something is not there.
 */
export async function managed<T>(parts: Managed, call: (manager: JetStreamManager) => Promise<T>): Promise<T> {
  const givenUpAt = performance.now() + MANAGEMENT_MS;
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 2)) {
    try {
      return await call(parts.manager);
    } catch (cause) {
      if (parts.closed()) {
        throw new AetherError("AETHER_CLOSED", "The link was closed before the server answered", { cause });
      }
      if (isMissing(cause) || isTaken(cause)) {
        throw cause;
      }
      if (isDenied(cause)) {
        const text = `The server does not allow this client to manage what is recorded: ${messageOf(cause)}`;
        throw new AetherError("AETHER_UNAUTHORISED", text, { cause });
      }
      const isUnderWay = performance.now() <= givenUpAt && codeOf(cause) === NO_PEERS;
      if (cause instanceof JetStreamApiError && cause.status !== UNAVAILABLE && !isUnderWay) {
        throw unsupported(`the server refuses it: ${messageOf(cause)}`, cause);
      }
      const isUnoffered = isNotEnabled(cause) && !parts.offered();
      if (isUnoffered || (isNotEnabled(cause) && performance.now() > givenUpAt)) {
        throw unsupported(
          "the server keeps no streams for this account: switch JetStream on (`nats-server -js`), or set `stream: false`",
          cause,
        );
      }
      if (performance.now() > givenUpAt) {
        const text = `The server did not answer within ${MANAGEMENT_MS} ms: ${messageOf(cause)}`;
        throw new AetherError("AETHER_TIMEOUT", text, { cause });
      }
    }
    await paused(pauseMs * (0.5 + Math.random() / 2));
  }
}

/** Waits. */
export function paused(delayMs: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, delayMs));
}

/** Resolves with `promise`, or after `patienceMs`. */
export async function within(patienceMs: number, promise: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  await Promise.race([promise, new Promise<void>((resolve) => (timer = setTimeout(resolve, patienceMs)))]);
  clearTimeout(timer);
}

/** Whether a stream or place is not there. */
export function isMissing(error: unknown): boolean {
  return codeOf(error) === JetStreamApiCodes.StreamNotFound || codeOf(error) === JetStreamApiCodes.ConsumerNotFound;
}

/** Whether somebody else has made it, and differently. */
export function isTaken(error: unknown): boolean {
  return codeOf(error) === NAME_IN_USE;
}

function codeOf(error: unknown): number | undefined {
  return error instanceof JetStreamApiError ? error.code : undefined;
}

/** Whether the server does not allow it. */
export function isDenied(error: unknown): boolean {
  return error instanceof Error && error.cause instanceof PermissionViolationError;
}

/** Whether nobody was there to answer. */
export function isNotEnabled(error: unknown): boolean {
  return error instanceof Error && error.name === "JetStreamNotEnabled";
}

/** The one refusal of what a server cannot do. */
export function unsupported(why: string, cause?: unknown): AetherError {
  return new AetherError("AETHER_UNSUPPORTED", `Waves cannot be recorded, for ${why}`, { cause });
}
