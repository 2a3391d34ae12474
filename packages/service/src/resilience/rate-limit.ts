/** Rate limit: how much a service may emit in a second, whatever it is asked to. */

import { AetherError, type Draft } from "@aether/core";
import { type Live, type Now, nowOf, type Policy, systemNow } from "./policy.ts";

/** Options of {@link rateLimit}. */
export interface RateLimitOptions {
  /** Emits a second, above 0; `undefined`: no limit. As many may come at once as one second lets pass, at least 1. */
  readonly perSecond?: number | undefined;
}

/** A bucket that fills with time, and from which every emit takes one. Refuses with `AETHER_BUSY`. */
export function rateLimit(options: Live<RateLimitOptions> = {}, now: Now = systemNow): Policy {
  let tokens = Number.POSITIVE_INFINITY;
  let filledAt = now();
  const take = (): void => {
    const { perSecond } = nowOf(options);
    if (perSecond === undefined) {
      return;
    }
    const at = now();
    tokens = Math.min(Math.max(1, perSecond), tokens + ((at - filledAt) * perSecond) / 1000);
    filledAt = at;
    if (tokens < 1) {
      const retryAfterMs = Math.ceil(((1 - tokens) * 1000) / perSecond);
      throw new AetherError("AETHER_BUSY", `Expected at most ${perSecond} emits a second, got more`, {
        details: { perSecond, retryAfterMs },
      });
    }
    tokens--;
  };
  return {
    async execute(work, { signal = new AbortController().signal } = {}) {
      take();
      return await work(signal);
    },
    // Not async: it stands around every emit, and what it throws rejects all the same.
    emit<R>(draft: Draft, next: (draft: Draft) => Promise<R>): Promise<R> {
      take();
      return next(draft);
    },
  };
}
