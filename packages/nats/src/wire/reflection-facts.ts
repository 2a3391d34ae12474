/** What a reflection says on its way back to its emitter. */

import { type Moment, Reflection, type ReflectionPayload } from "@aether/core";

/** A reflection as JSON. */
export interface ReflectionFacts {
  readonly id: string;
  readonly of: string;
  readonly on: string;
  readonly channel: string;
  readonly payload: ReflectionPayload;
  readonly amplitude: number;
  readonly source: string;
  readonly sourceId: string;
  /** Milliseconds; 0 stands for none. */
  readonly halfLifeMs: number;
  readonly hops: number;
  readonly cause: string | undefined;
  readonly trace: string;
  readonly phase: number;
  readonly weight: number;
  readonly key: string | undefined;
}

/** What `reflection` says. */
export function factsOf(reflection: Reflection): ReflectionFacts {
  const { id, of, on, channel, payload, amplitude, source, sourceId, halfLifeMs, hops } = reflection;
  const { cause, trace, phase, weight, key } = reflection;
  const finite = halfLifeMs < Number.POSITIVE_INFINITY ? halfLifeMs : 0;
  return {
    ...{ id, of, on, channel, payload, amplitude, source, sourceId, halfLifeMs: finite },
    ...{ hops, cause, trace, phase, weight, key },
  };
}

/** The reflection that `facts` tell of, as it arrived at `moment`. */
export function reflectionOf(facts: ReflectionFacts, moment: Moment): Reflection {
  const { source, sourceId, halfLifeMs, phase, weight, key, ...rest } = facts;
  return new Reflection({
    ...rest,
    kind: "reflection",
    origin: { source, sourceId },
    halfLifeMs: halfLifeMs === 0 ? Number.POSITIVE_INFINITY : halfLifeMs,
    moment,
    bytes: 0,
    extras: { phase, weight, key },
  });
}

const TEXTS = ["id", "of", "on", "channel", "source", "sourceId", "trace"] as const;
const NUMBERS = ["amplitude", "halfLifeMs", "hops", "phase", "weight"] as const;

/** `value` if it says all that a reflection must. */
export function reflectionFacts(value: unknown): ReflectionFacts | undefined {
  return isFacts(value) ? value : undefined;
}

function isFacts(value: unknown): value is ReflectionFacts {
  if (typeof value !== "object" || value === null) {
    return false;
  }
  const facts: Readonly<Record<string, unknown>> = { ...value };
  const { payload, cause, key, amplitude } = facts;
  const isOptionalText = (text: unknown): boolean => text === undefined || typeof text === "string";
  return (
    TEXTS.every((name) => typeof facts[name] === "string") &&
    NUMBERS.every((name) => Number.isFinite(facts[name])) &&
    isOptionalText(cause) &&
    isOptionalText(key) &&
    typeof amplitude === "number" &&
    amplitude >= 0 &&
    amplitude <= 1 &&
    isPayload(payload)
  );
}

function isPayload(payload: unknown): boolean {
  if (typeof payload !== "object" || payload === null) {
    return false;
  }
  const { code, error, message, retryable }: Partial<Record<keyof ReflectionPayload, unknown>> = payload;
  return (
    typeof code === "string" &&
    typeof error === "string" &&
    typeof message === "string" &&
    typeof retryable === "boolean"
  );
}
