/** Resilience: all policies around the waves of one run, in one order. docs/operations.md. */

import type { Aether, Draft, Handle, Interceptor, Presence, Random } from "@aether/core";
import type { Config } from "../config/config.ts";
import { type BreakerOptions, breaker } from "./breaker.ts";
import { type BulkheadOptions, bulkhead } from "./bulkhead.ts";
import type { Now, Policy } from "./policy.ts";
import { type RateLimitOptions, rateLimit } from "./rate-limit.ts";
import { type RetryOptions, retry } from "./retry.ts";
import { type TimeoutOptions, timeout } from "./timeout.ts";

/** What stands around the waves of a run; `false` leaves a policy out. */
export interface ResilienceOptions {
  readonly rateLimit?: RateLimitOptions | false | undefined;
  readonly timeout?: TimeoutOptions | false | undefined;
  readonly retry?: RetryOptions | false | undefined;
  readonly breaker?: BreakerOptions | false | undefined;
  /** Default: left out. */
  readonly bulkhead?: BulkheadOptions | false | undefined;
}

/** What resilience works with. */
export interface ResilienceSource {
  readonly aether: Aether;
  /** Whether a vibrator of that name belongs to the run. */
  readonly isOwn: (vibrator: string) => boolean;
  readonly onBreaker?: ((key: string, isOpen: boolean) => void) | undefined;
  readonly now?: Now | undefined;
  readonly random?: Random | undefined;
}

/** Options that `config` asks for. */
export function resilienceOf({ service, aether }: Config): ResilienceOptions {
  return {
    rateLimit: { perSecond: service.rate_limit_per_sec },
    timeout: { timeoutMs: service.timeout_ms },
    retry: {
      max: service.retry_max,
      baseDelayMs: service.retry_base_delay_ms,
      maxDelayMs: service.retry_max_delay_ms,
      attenuationFactor: aether.enable_physics ? aether.attenuation_factor : 1,
    },
    breaker: {
      failureThreshold: service.circuit_breaker_failure_threshold,
      openMs: service.circuit_breaker_open_ms,
      halfOpenSuccesses: service.circuit_breaker_half_open_successes,
    },
  };
}

/** Policies that are in place. */
export interface Resilience {
  /** Follows options that have changed. */
  follow(): void;
  close(): void;
}

/**
 * Puts the policies around the waves of a run. From the outside in: timeout, retry, breaker, bulkhead, rate limit. So
 * retries pass the breaker one by one, within one timeout, and each counts for the rate limit. Around handlers: retry,
 * breaker, and inside of both the timeout of the handler, which therefore is a failure like any other. `options` are asked for
 * at every call, so that they may change; which policies there are is decided at the start, but for the rate limit,
 * which stands around every emit and costs, and is there only while there is one.
 */
export function useResilience(options: () => ResilienceOptions, source: ResilienceSource): Resilience {
  const { aether, isOwn, onBreaker, now, random } = source;
  const first = options();
  const policies: readonly Policy[] = [
    ...(first.timeout === false ? [] : [timeout(() => options().timeout || {})]),
    ...(first.retry === false ? [] : [retry(() => options().retry || {}, { now, random })]),
    ...(first.breaker === false ? [] : [breaker(() => options().breaker || {}, { now, aether, onChange: onBreaker })]),
    ...(first.bulkhead === undefined || first.bulkhead === false ? [] : [bulkhead(first.bulkhead)]),
  ];
  const undos = policies.map((policy) => aether.use(ofOwn(policy, isOwn)));
  let undoLimit: (() => void) | undefined;
  const follow = (): void => {
    const { rateLimit: limit } = options();
    const isLimited = limit !== undefined && limit !== false && limit.perSecond !== undefined;
    if (isLimited && undoLimit === undefined) {
      undoLimit = aether.use(
        ofOwn(
          rateLimit(() => options().rateLimit || {}, now),
          isOwn,
        ),
      );
    } else if (!isLimited) {
      undoLimit?.();
      undoLimit = undefined;
    }
  };
  follow();
  return {
    follow,
    close(): void {
      undoLimit?.();
      for (const undo of undos) {
        undo();
      }
    },
  };
}

/** `policy` around the waves of the run's own vibrators; others that share the aether pass as they are. */
function ofOwn({ kinds, emit, around }: Policy, isOwn: (vibrator: string) => boolean): Interceptor {
  return {
    ...(kinds && { kinds }),
    ...(emit && {
      emit: <R>(draft: Draft, next: (draft: Draft) => Promise<R>) =>
        isOwn(draft.source) ? emit(draft, next) : next(draft),
    }),
    ...(around && {
      around: (handle: Handle, receiver: Presence) => (isOwn(receiver.vibrator) ? around(handle, receiver) : handle),
    }),
  };
}
