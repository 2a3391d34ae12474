/** Breaker: stops asking whoever only fails, and stops taking what a handler only fails at, until probes succeed. */

import {
  type Aether,
  AetherError,
  type Draft,
  type Handle,
  type Presence,
  type Resonance,
  type Wave,
} from "@aether/core";
import { ByKey } from "./by-key.ts";
import { type BreakerSettings, CircuitBreaker, type Permit } from "./circuit-breaker.ts";
import { isTimeout, isTrouble } from "./failures.ts";
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

/** Options of {@link breaker}. */
export interface BreakerOptions {
  /** Failures in a row after which it opens. Default 5. */
  readonly failureThreshold?: number | undefined;
  /** Milliseconds that it stays open. Default 10,000. */
  readonly openMs?: number | undefined;
  /** Probes in a row that must succeed before it closes. Default 2. */
  readonly halfOpenSuccesses?: number | undefined;
}

/** What a breaker of handlers works on. */
export interface BreakerSource {
  readonly now?: Now | undefined;
  /** Where the resonances are that it pauses. Default: handlers are only refused. */
  readonly aether?: Aether | undefined;
  /** Told when one opens and when it closes, with what it is about. */
  readonly onChange?: ((key: string, isOpen: boolean) => void) | undefined;
}

/** How often a resonance that others stand in for looks whether they are still there. */
const LOOK_MS = 100;

/** How a breaker is called and what it is. */
interface Circuit {
  readonly key: string;
  readonly state: CircuitBreaker;
  /** Lets waves come again. */
  resume: (() => void) | undefined;
}

/**
 * Around commands and queries, by channel: refuses with `AETHER_CIRCUIT_OPEN` while it is open. Around handlers, by
 * resonance: pauses the resonance, so that nothing is spent on waves that would fail, and leaves all of it to other
 * members of the group where there are any. Queries and commands are refused, for somebody waits.
 */
export function breaker(options: Live<BreakerOptions> = {}, source: BreakerSource = {}): Policy {
  const { now = systemNow, aether, onChange } = source;
  const circuits = new ByKey((key): Circuit => ({ key, state: new CircuitBreaker(), resume: undefined }));
  /** Those of resonances, by what stands for one as long as it is open. */
  const handlers = new WeakMap<Presence, Circuit>();
  const circuitOf = (receiver: Presence): Circuit => {
    const known = handlers.get(receiver);
    if (known !== undefined) {
      return known;
    }
    const key = `${receiver.instance} ${receiver.group} ${receiver.name}`;
    const made: Circuit = { key, state: new CircuitBreaker(), resume: undefined };
    handlers.set(receiver, made);
    return made;
  };
  const settings = (): BreakerSettings => {
    const { failureThreshold = 5, openMs = 10_000, halfOpenSuccesses = 2 } = nowOf(options);
    return { threshold: failureThreshold, openMs, successes: halfOpenSuccesses };
  };
  const won = ({ key, state }: Circuit, permit: Permit): void => {
    if (permit === "pass" && state.isCalm) {
      return;
    }
    const before = state.isOpen;
    state.succeeded(permit, settings());
    if (before && !state.isOpen) {
      onChange?.(key, false);
    }
  };
  const lost = ({ key, state }: Circuit, permit: Permit): boolean => {
    const before = state.isOpen;
    const opens = state.failed(permit, now(), settings());
    if (opens && !before) {
      onChange?.(key, true);
    }
    return opens;
  };
  const asked = async <T>(key: string, work: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> => {
    const circuit = circuits.of(key);
    const permit = circuit.state.permit(now(), settings());
    if (typeof permit === "object") {
      throw refusal(key, permit.afterMs);
    }
    try {
      const result = await work();
      won(circuit, permit);
      return result;
    } catch (error) {
      if (signal?.aborted === true) {
        circuit.state.abandoned(permit);
      } else if (isTrouble(error)) {
        lost(circuit, permit);
      } else {
        won(circuit, permit);
      }
      throw error;
    }
  };

  /** Stops the resonance until it is time for a probe; others have its part of the work as long as there are any. */
  const pause = (circuit: Circuit, resonance: Resonance | undefined, receiver: Presence): void => {
    if (resonance === undefined || circuit.resume !== undefined) {
      return;
    }
    resonance.pause();
    const look = (): void => {
      const isAside = isShared(aether, receiver);
      resonance.standAside(isAside);
      if (!isAside) {
        // What comes waits here. It does not leave once more: two that only fail would leave each other all of it.
        clearInterval(looking);
      }
    };
    const looking = setInterval(look, LOOK_MS);
    looking.unref();
    look();
    const resume = (): void => {
      clearTimeout(timer);
      clearInterval(looking);
      circuit.resume = undefined;
      resonance.standAside(false);
      resonance.resume();
    };
    const timer = setTimeout(resume, settings().openMs);
    timer.unref();
    circuit.resume = resume;
  };

  return {
    execute: (work, { key = NO_KEY, signal = new AbortController().signal }: ExecuteOptions = {}) =>
      asked(`work ${key}`, () => work(signal), signal),

    kinds: ASKING,
    async emit<R>(draft: Draft, next: (draft: Draft) => Promise<R>): Promise<R> {
      return asks(draft) ? await asked(draft.channel, () => next(draft), draft.options.signal) : await next(draft);
    },

    around(handle: Handle, receiver: Presence): Handle {
      const circuit = circuitOf(receiver);
      const { state } = circuit;
      const failed = (error: unknown, permit: Permit, wave: Wave): void => {
        if (wave.exchange?.over === true && !isTimeout(error)) {
          state.abandoned(permit);
        } else if (!isTrouble(error)) {
          won(circuit, permit);
        } else if (lost(circuit, permit) && !isAwaited(wave)) {
          pause(circuit, resonanceOf(aether, receiver), receiver);
        }
      };
      return (wave, ctx) => {
        const permit = state.isOpen ? state.permit(now(), settings()) : "pass";
        if (typeof permit === "object") {
          if (isAwaited(wave)) {
            throw refusal(receiver.pattern, permit.afterMs);
          }
          // It had started before the resonance was paused, or a probe is on its way: it spends no attempt.
          ctx.retryLater(Math.ceil(permit.afterMs));
          return undefined;
        }
        let result: unknown;
        try {
          result = handle(wave, ctx);
        } catch (error) {
          failed(error, permit, wave);
          throw error;
        }
        if (result instanceof Promise) {
          return result.then(
            (value: unknown) => {
              won(circuit, permit);
              return value;
            },
            (error: unknown) => {
              failed(error, permit, wave);
              throw error;
            },
          );
        }
        won(circuit, permit);
        return result;
      };
    },
  };
}

function isAwaited({ kind }: Wave): boolean {
  return kind === "query" || kind === "command";
}

function refusal(key: string, afterMs: number): AetherError {
  const retryAfterMs = Math.ceil(afterMs);
  const message = `Expected "${key}" to work, got only failures lately: it is tried again in ${retryAfterMs} ms`;
  return new AetherError("AETHER_CIRCUIT_OPEN", message, { details: { key, retryAfterMs } });
}

function resonanceOf(aether: Aether | undefined, { instance, group, name }: Presence): Resonance | undefined {
  for (const { instance: owner, resonance } of aether?.resonances() ?? []) {
    if (owner === instance && resonance.group === group && resonance.name === name) {
      return resonance;
    }
  }
  return undefined;
}

/** Whether anybody else has the same part of the group's work, and does not leave it to others himself. */
function isShared(aether: Aether | undefined, { instance, group, name }: Presence): boolean {
  for (const other of aether?.present() ?? []) {
    if (other.instance !== instance && other.group === group && other.name === name && other.aside !== true) {
      return group !== false;
    }
  }
  return false;
}
