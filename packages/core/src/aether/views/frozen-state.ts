/** States as bytes: a head with the position and a checksum over all of it, then the state as JSON. */

import { AetherError, expected } from "../../errors.ts";
import type { Snapshot } from "../../medium/snapshot-store.ts";
import { hash32 } from "../../physics/hash.ts";
import { assertTravels } from "../../wave/codec.ts";

const MAGIC = "aether-view-1";
const HEX = 16;
const DIGITS = 8;
const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

/** A state as it was at one position, as a text. */
export interface Frozen {
  /** `undefined`: before the first wave. */
  readonly position: string | undefined;
  readonly text: string;
}

/** `state` as it is now. Throws `AETHER_BAD_PAYLOAD` for what does not come back as it was. */
export function freeze(state: unknown, position: string | undefined): Frozen {
  if (state === undefined || state instanceof Uint8Array) {
    throw expected("state", "plain values, such as an object", state);
  }
  assertTravels(state);
  return { position, text: JSON.stringify(state) };
}

/** A state of one's own, as it was. */
export function thaw({ text }: Frozen): unknown {
  const state: unknown = JSON.parse(text);
  return state;
}

/** The snapshot of a frozen state. */
export function snapshotOf(position: string, text: string): Snapshot {
  return { position, state: encoder.encode(`${MAGIC} ${sumOf(position, text)} ${position}\n${text}`) };
}

/** What a snapshot holds. Throws `AETHER_BAD_SNAPSHOT` unless it is what was saved, under its position. */
export function frozenOf({ position, state }: Snapshot): Frozen {
  const whole = textOf(state);
  const end = whole.indexOf("\n");
  const [magic, sum, its] = whole.slice(0, Math.max(0, end)).split(" ");
  const text = whole.slice(end + 1);
  if (magic !== MAGIC) {
    throw damaged(position, "no head of a snapshot");
  }
  if (its !== position || sum !== sumOf(position, text)) {
    throw damaged(position, "another checksum or position");
  }
  try {
    JSON.parse(text);
  } catch {
    throw damaged(position, "no state");
  }
  return { position, text };
}

/** Two sums of 32 bits, one of which begins where the other ends: bytes that changed are told from those that were saved. */
function sumOf(position: string, text: string): string {
  const first = hash32(`${position}\n${text}`);
  const second = hash32(`${first}\n${text}\n${position}`);
  return [first, second].map((sum) => sum.toString(HEX).padStart(DIGITS, "0")).join("");
}

function textOf(state: Uint8Array): string {
  try {
    return decoder.decode(state);
  } catch {
    return "";
  }
}

function damaged(position: string, got: string): AetherError {
  return new AetherError(
    "AETHER_BAD_SNAPSHOT",
    `Expected the snapshot at ${position} to be as it was saved, got ${got}`,
    { details: { position } },
  );
}
