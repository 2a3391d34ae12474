/** Admission: the emitter's gate. It lets a wave out only under a legal name, from an allowed source, with a payload that fits. */

import { AetherError, messageOf } from "../../errors.ts";
import type { Channel } from "../../wave/channel.ts";
import { parse } from "../../wave/channel.ts";
import { assertTravels, jsonCodec, weigh } from "../../wave/codec.ts";

/** What is let out. */
export interface AdmissionLimits {
  readonly maxPayloadBytes: number;
  readonly maxChannelLength: number;
  /** Names of the sources that may emit and are heard; `undefined`: all. */
  readonly allowedSources: ReadonlySet<string> | undefined;
  /** How payloads are handed over inside the process. */
  readonly payloads: "reference" | "frozen" | "codec";
}

/** A payload that may leave, and what it counts against byte bounds. */
export interface Admitted {
  readonly payload: unknown;
  readonly bytes: number;
}

/** Throws `AETHER_UNAUTHORISED` unless `source` may emit. */
export function assertSource(source: string, limits: AdmissionLimits): void {
  if (limits.allowedSources !== undefined && !limits.allowedSources.has(source)) {
    throw new AetherError("AETHER_UNAUTHORISED", `Expected a source on the allow-list, got "${source}": add it there`, {
      details: { source },
    });
  }
}

/** Checks `payload` by the contract's schema, at once or later; it is sent as it was given. Throws `AETHER_BAD_PAYLOAD`. */
export function validate(contract: Channel | undefined, payload: unknown): void | Promise<void> {
  if (contract?.schema === undefined) {
    return undefined;
  }
  const parsed = parse(contract.schema, payload, `the payload of "${contract.name}"`);
  return parsed instanceof Promise ? parsed.then(() => undefined) : undefined;
}

/** The bytes that `payload` counts. Throws `AETHER_TOO_LARGE` for texts and bytes over the limit: others have no size yet. */
export function measure(payload: unknown, limits: AdmissionLimits): number {
  const bytes = weigh(payload);
  if (bytes > limits.maxPayloadBytes && (typeof payload === "string" || payload instanceof Uint8Array)) {
    throw tooLarge(bytes, limits);
  }
  return bytes;
}

function tooLarge(bytes: number, limits: AdmissionLimits): AetherError {
  return new AetherError(
    "AETHER_TOO_LARGE",
    `Expected a payload of at most ${limits.maxPayloadBytes} bytes, got ${bytes}: send a reference to it, or raise limits.maxPayloadBytes`,
    { details: { bytes, limit: limits.maxPayloadBytes } },
  );
}

/**
 * `payload` as it is handed over when payloads are not simply passed by reference. Throws `AETHER_BAD_PAYLOAD` or
 * `AETHER_TOO_LARGE`.
 */
export function prepare(payload: unknown, limits: AdmissionLimits): Admitted {
  try {
    return handedOver(payload, limits);
  } catch (cause) {
    if (cause instanceof AetherError) {
      throw cause;
    }
    const message = `Expected a payload that can be handed over, got one that throws: ${messageOf(cause)}`;
    throw new AetherError("AETHER_BAD_PAYLOAD", message, { cause });
  }
}

function handedOver(payload: unknown, limits: AdmissionLimits): Admitted {
  if (limits.payloads === "codec") {
    assertTravels(payload);
    const encoded = jsonCodec.encode(payload);
    const bytes = encoded.bytes.byteLength;
    if (bytes > limits.maxPayloadBytes) {
      throw tooLarge(bytes, limits);
    }
    const copied = encoded.raw ? { raw: true, bytes: encoded.bytes.slice() } : encoded;
    return { payload: jsonCodec.decode(copied), bytes };
  }
  return { payload: deepFreeze(payload), bytes: measure(payload, limits) };
}

/** Freezes `value` and everything below it, but for bytes, which cannot be frozen. */
function deepFreeze(value: unknown, seen: Set<object> = new Set()): unknown {
  if (typeof value === "object" && value !== null && !ArrayBuffer.isView(value) && !seen.has(value)) {
    seen.add(value);
    Object.freeze(value);
    for (const item of Object.values(value)) {
      deepFreeze(item, seen);
    }
  }
  return value;
}
