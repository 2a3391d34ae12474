/** Bulkhead: how many commands and queries may be under way on one channel, so that a slow one sinks nobody else. */

import { AetherError, type Draft } from "@aether/core";
import { BulkheadRejectedError, bulkhead as cockatielBulkhead } from "cockatiel";
import { ByKey } from "./by-key.ts";
import { ASKING, asks, type ExecuteOptions, NO_KEY, type Policy } from "./policy.ts";

/** Options of {@link bulkhead}. */
export interface BulkheadOptions {
  /** Calls of one key that run at a time. Default 256. */
  readonly concurrency?: number | undefined;
  /** Calls of one key that wait. Default: as many as may run. */
  readonly queue?: number | undefined;
}

const DEFAULT_CONCURRENCY = 256;

/** Around commands and queries, by channel. Handlers have the `concurrency` of their resonance. */
export function bulkhead({ concurrency = DEFAULT_CONCURRENCY, queue = concurrency }: BulkheadOptions = {}): Policy {
  const policies = new ByKey(() => cockatielBulkhead(concurrency, queue));
  const within = async <T>(
    key: string,
    work: (signal: AbortSignal) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T> => {
    try {
      return await policies.of(key).execute(({ signal: inner }) => work(inner), signal);
    } catch (cause) {
      if (cause instanceof BulkheadRejectedError) {
        const message = `Expected at most ${concurrency} calls and ${queue} that wait on "${key}", got one more`;
        throw new AetherError("AETHER_BUSY", message, { details: { key, concurrency, queue } });
      }
      throw cause;
    }
  };
  return {
    execute: (work, { key = NO_KEY, signal }: ExecuteOptions = {}) => within(key, work, signal),

    kinds: ASKING,
    async emit<R>(draft: Draft, next: (draft: Draft) => Promise<R>): Promise<R> {
      return asks(draft) ? await within(draft.channel, () => next(draft), draft.options.signal) : await next(draft);
    },
  };
}
