/** Retry: tries again what failed, later and later, by chance, quieter, and never more than a budget allows. */

import {
  AMPLITUDES,
  type Draft,
  type Handle,
  type HandlerContext,
  type Presence,
  type Random,
  ResendBudget,
  systemRandom,
  type Wave,
} from "@aether/core";
import { retry as cockatielRetry, ExponentialBackoff, handleWhen } from "cockatiel";
import { ByKey } from "./by-key.ts";
import { mayPass, mayRepeat } from "./failures.ts";
import {
  ASKING,
  asks,
  type ExecuteOptions,
  type Live,
  NO_KEY,
  type Now,
  nowOf,
  type Policy,
  systemNow,
} from "./policy.ts";

/** Options of {@link retry}. */
export interface RetryOptions {
  /** Tries after the first one. Default 3. */
  readonly max?: number | undefined;
  /** Longest delay before the first of them, in milliseconds; it doubles each time. Default 50. */
  readonly baseDelayMs?: number | undefined;
  /** Longest such delay. Default 500. */
  readonly maxDelayMs?: number | undefined;
  /** Retries of one minute, as a share of the first tries; 3 are always allowed. `Infinity`: any number. Default 0.1. */
  readonly budget?: number | undefined;
  /** What a retry keeps of its amplitude. Default 0.95. */
  readonly attenuationFactor?: number | undefined;
}

/** Where a policy gets time and chance from. */
export interface RetrySource {
  readonly now?: Now | undefined;
  readonly random?: Random | undefined;
}

const DEFAULTS = { max: 3, baseDelayMs: 50, maxDelayMs: 500, budget: 0.1, attenuationFactor: 0.95 };
const DEFAULT_TIMEOUT_MS = 2000;

/**
 * Around commands and queries: emits again what failed and may pass, each time quieter, within the time that the call
 * has. Around handlers of events: has the wave handled again later, quieter, too; its place is free meanwhile. Queries and recorded
 * waves are tried again by whoever asks and by the record.
 */
export function retry(
  options: Live<RetryOptions> = {},
  { now = systemNow, random = systemRandom }: RetrySource = {},
): Policy {
  const budgets = new ByKey(() => new ResendBudget());
  /** Those of resonances, by what stands for one as long as it is open. */
  const handled = new WeakMap<Presence, ResendBudget>();
  const budgetOf = (receiver: Presence): ResendBudget => {
    const known = handled.get(receiver);
    if (known !== undefined) {
      return known;
    }
    const made = new ResendBudget();
    handled.set(receiver, made);
    return made;
  };
  const settings = (): typeof DEFAULTS => ({ ...DEFAULTS, ...defined(nowOf(options)) });

  async function tried<T>(
    key: string,
    isWorthIt: (error: unknown, delayMs: number) => boolean,
    work: (attempt: number, signal: AbortSignal) => Promise<T>,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    const { max, baseDelayMs, maxDelayMs, budget } = settings();
    const left = budgets.of(key);
    left.sent(now());
    let failures = 0;
    // The library asks whether an error is handled before it looks whether tries are left: those beyond cost no budget.
    const isHandled = (error: unknown): boolean =>
      ++failures <= max && isWorthIt(error, baseDelayMs) && signal?.aborted !== true && left.take(now(), budget);
    const policy = cockatielRetry(handleWhen(isHandled), {
      maxAttempts: max,
      backoff: new ExponentialBackoff<number>({
        initialDelay: baseDelayMs,
        maxDelay: maxDelayMs,
        generator: (state, { initialDelay, maxDelay }) => {
          const n = state ?? 0;
          return [random() * Math.min(maxDelay, initialDelay * 2 ** n), n + 1];
        },
      }),
    });
    return await policy.execute(({ attempt, signal: inner }) => work(attempt, inner), signal);
  }

  return {
    execute: (work, { key = NO_KEY, signal }: ExecuteOptions = {}) =>
      tried(key, mayPass, (_, inner) => work(inner), signal),

    kinds: ASKING,
    async emit<R>(draft: Draft, next: (draft: Draft) => Promise<R>): Promise<R> {
      if (!asks(draft) || isResent(draft)) {
        return await next(draft);
      }
      const { timeoutMs = DEFAULT_TIMEOUT_MS, signal } = draft.options;
      const endsAt = now() + timeoutMs;
      const { attenuationFactor } = settings();
      const isWorthIt = (error: unknown, delayMs: number): boolean =>
        mayRepeat(draft, error) && now() + delayMs < endsAt;
      const work = (attempt: number): Promise<R> =>
        next(attempt === 0 ? draft : quieter(draft, attenuationFactor ** attempt, Math.max(1, endsAt - now())));
      return await tried(draft.channel, isWorthIt, work, signal);
    },

    around(handle: Handle, receiver: Presence): Handle {
      const budget = budgetOf(receiver);
      let arrivedAt = Number.NaN;
      let countedAt = 0;
      const count = (wave: Wave): void => {
        // Waves of one tick have one time of arrival, and one look at the clock will do for them.
        if (wave.arrivedAt !== arrivedAt) {
          ({ arrivedAt } = wave);
          countedAt = now();
        }
        budget.sent(countedAt);
      };
      const failed = (error: unknown, ctx: HandlerContext): void => {
        const { max, baseDelayMs, maxDelayMs, budget: share, attenuationFactor: keeps } = settings();
        const { attempt, signal } = ctx;
        const before = attempt - 1;
        if (before < max && !signal.aborted && mayPass(error) && budget.take(now(), share)) {
          const delayMs = Math.max(1, Math.round(random() * Math.min(maxDelayMs, baseDelayMs * 2 ** before)));
          ctx.retryLater(delayMs, { keeps, spendsAttempt: true });
        }
        // It fails all the same: those who look on are told, with `willRetry`.
      };
      return (wave, ctx) => {
        if (wave.kind === "query" || wave.kind === "command" || wave.position !== undefined) {
          return handle(wave, ctx);
        }
        // Also one that a breaker has put off comes for the first time only once.
        if (ctx.postponed === 0) {
          count(wave);
        }
        let result: unknown;
        try {
          result = handle(wave, ctx);
        } catch (error) {
          failed(error, ctx);
          throw error;
        }
        if (result instanceof Promise) {
          return result.then(undefined, (error: unknown) => {
            failed(error, ctx);
            throw error;
          });
        }
        return result;
      };
    },
  };
}

/** Whether the wave is sent again by itself: retries multiply. */
function isResent({ options }: Draft): boolean {
  return options.resend !== undefined && options.resend !== false;
}

/** `draft` as it is emitted again: `factor` of its amplitude is left, and `timeoutMs` of its time. */
function quieter(draft: Draft, factor: number, timeoutMs: number): Draft {
  const { options, contract, cause } = draft;
  const own = options.amplitude ?? contract?.amplitude ?? cause?.amplitudeAt() ?? AMPLITUDES.normal;
  const amplitude = (typeof own === "number" ? own : AMPLITUDES[own]) * factor;
  return { ...draft, options: { ...options, amplitude, timeoutMs: Math.ceil(timeoutMs) } };
}

/** `options` without those that are `undefined`. */
function defined(options: RetryOptions): Partial<typeof DEFAULTS> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}
