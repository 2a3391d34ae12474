/** Timeout: how long a call may take altogether, whatever is tried inside of it. */

import { AetherError, type Draft } from "@aether/core";
import { timeout as cockatielTimeout, TaskCancelledError, TimeoutStrategy } from "cockatiel";
import { ASKING, asks, type ExecuteOptions, type Live, nowOf, type Policy } from "./policy.ts";

/** Options of {@link timeout}. */
export interface TimeoutOptions {
  /** Milliseconds for commands and queries that do not say it themselves. Default 2000. */
  readonly timeoutMs?: number | undefined;
}

const DEFAULT_TIMEOUT_MS = 2000;
/** What the aether gets to tell of its own timeout, which knows more. */
const MARGIN_MS = 50;

/** Around commands and queries, their retries included. Handlers have `handlerTimeoutMs` of their resonance. */
export function timeout(options: Live<TimeoutOptions> = {}): Policy {
  const ownMs = (): number => nowOf(options).timeoutMs ?? DEFAULT_TIMEOUT_MS;
  const within = async <T>(
    ms: number,
    what: string,
    work: (signal: AbortSignal) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T> => {
    const policy = cockatielTimeout(ms, TimeoutStrategy.Aggressive);
    try {
      return await policy.execute(({ signal: inner }) => work(inner), signal);
    } catch (cause) {
      signal?.throwIfAborted();
      if (cause instanceof TaskCancelledError) {
        throw new AetherError("AETHER_TIMEOUT", `${what} took longer than ${ms} ms`, { details: { timeoutMs: ms } });
      }
      throw cause;
    }
  };
  return {
    execute: (work, { signal }: ExecuteOptions = {}) => within(ownMs(), "The work", work, signal),

    kinds: ASKING,
    async emit<R>(draft: Draft, next: (draft: Draft) => Promise<R>): Promise<R> {
      if (!asks(draft)) {
        return await next(draft);
      }
      const timeoutMs = draft.options.timeoutMs ?? ownMs();
      const timed = { ...draft, options: { ...draft.options, timeoutMs } };
      if (!Number.isFinite(timeoutMs)) {
        return await next(timed);
      }
      return await within(timeoutMs + MARGIN_MS, `The ${draft.kind} on "${draft.channel}"`, () => next(timed));
    },
  };
}
