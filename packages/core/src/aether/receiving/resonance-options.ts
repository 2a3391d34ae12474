/** What a resonance may be asked to be, checked, with the defaults of its vibrator. */

import { AetherError, expected, show } from "../../errors.ts";
import type { InboxSettings } from "../../inbox/inbox.ts";
import type { From } from "../../medium/recorder.ts";
import { LONGEST_CHANNEL } from "../../wave/channel-name.ts";
import { assertKnown, millisecondsOf, signalOf, wholeOf } from "../options.ts";
import type { HandlerSettings } from "./handlers.ts";
import { DEFAULT_NOISE_FLOOR, type NoiseFloor, type NoiseFloorOption, noiseFloorOf } from "./noise-floor.ts";

/** Options of `resonateOn`, and as defaults of `vibrator`. */
export interface ResonanceOptions {
  /** Name inside its group; default: its pattern. */
  readonly name?: string | undefined;
  /** Who shares the work; default: the vibrator's name. `false`: every instance hears every wave. */
  readonly group?: string | false | undefined;
  /** Most handlers at a time. Default 100. */
  readonly concurrency?: number | undefined;
  /**
   * `"fifo"`: by arrival, nothing overtakes. `"key"`: one wave of a key at a time. `"strongest"`: always the one that is
   * loudest now. Default: louder bands more often.
   */
  readonly order?: "fifo" | "key" | "strongest" | undefined;
  /**
   * Amplitude below which it does not listen, 0..1, default 0.01; or `"adaptive"`: as high as the load demands. An
   * object tunes that: `static` is the floor that it never goes below.
   */
  readonly noiseFloor?: NoiseFloorOption | undefined;
  /** Most waves (default 65,536) and bytes (default 64 MiB) that wait. */
  readonly inbox?: { readonly capacity?: number | undefined; readonly bytes?: number | undefined } | undefined;
  /** How long a handler may take. Default 30,000. */
  readonly handlerTimeoutMs?: number | undefined;
  /** Whether it hears what its own service emits. Default true. */
  readonly echo?: boolean | undefined;
  /**
   * Where a recorded resonance begins whose group has no place yet: with what comes from now on (default), at the start,
   * at a position or at a time. A group that comes back goes on where it was.
   */
  readonly from?: "new" | "start" | string | Date | undefined;
  /** Tries before a wave is given up. Default 10 for recorded waves, and 1 for others: they are not retried. */
  readonly maxAttempts?: number | undefined;
  /** Delay before another try, doubled each time, with full jitter. Default `{ base: 250, max: 60000 }`. */
  readonly backoffMs?: { readonly base?: number | undefined; readonly max?: number | undefined } | undefined;
  /** Closes the resonance when it aborts. */
  readonly signal?: AbortSignal | undefined;
}

/** Those options of resonances that a vibrator may set for all of its own. */
type ResonanceDefaults = Omit<ResonanceOptions, "name" | "from" | "signal">;

/** Options of a vibrator: defaults for its resonances and its views. */
export interface VibratorOptions extends ResonanceDefaults {
  /** Waves after which its views save a snapshot. Default 1000. */
  readonly snapshotEvery?: number | undefined;
}

type Known<T> = { readonly [K in keyof Required<T>]: true };

const RESONANCE_DEFAULTS: Known<ResonanceDefaults> = {
  group: true,
  concurrency: true,
  order: true,
  noiseFloor: true,
  inbox: true,
  handlerTimeoutMs: true,
  echo: true,
  maxAttempts: true,
  backoffMs: true,
};
const VIBRATOR_OPTIONS: Known<VibratorOptions> = { ...RESONANCE_DEFAULTS, snapshotEvery: true };
const RESONANCE_OPTIONS: Known<ResonanceOptions> = { ...RESONANCE_DEFAULTS, name: true, from: true, signal: true };
const INBOX_OPTIONS: Known<NonNullable<ResonanceOptions["inbox"]>> = { capacity: true, bytes: true };
const BACKOFF_OPTIONS: Known<NonNullable<ResonanceOptions["backoffMs"]>> = { base: true, max: true };

const LONGEST_NAME = 128;

/** The settings that a resonance runs by; those of one vibrator with no options of their own share one object. */
export interface ResonanceSettings extends NoiseFloor {
  readonly group: string | false | undefined;
  readonly echo: boolean;
  readonly inbox: InboxSettings;
  readonly handlers: HandlerSettings;
}

const DEFAULTS: ResonanceSettings = {
  group: undefined,
  ...DEFAULT_NOISE_FLOOR,
  echo: true,
  inbox: { capacity: 65_536, bytes: 64 * 1024 * 1024, order: "banded" },
  handlers: { concurrency: 100, timeoutMs: 30_000, maxAttempts: undefined, backoffMs: { base: 250, max: 60_000 } },
};

/** The settings of a vibrator. Throws `AETHER_BAD_OPTION`, or `AETHER_UNSUPPORTED` for what is to come. */
export function vibratorSettings(options: VibratorOptions | undefined): ResonanceSettings {
  if (options === undefined) {
    return DEFAULTS;
  }
  assertKnown(options, VIBRATOR_OPTIONS, "vibrator");
  return merged(DEFAULTS, options);
}

/** The settings of a resonance: `options` over those of its vibrator. */
export function resonanceSettings(base: ResonanceSettings, options: ResonanceOptions | undefined): ResonanceSettings {
  if (options === undefined) {
    return base;
  }
  assertKnown(options, RESONANCE_OPTIONS, "resonateOn");
  signalOf(options.signal);
  return merged(base, options);
}

/** Where a recorded resonance begins. Throws `AETHER_BAD_OPTION`. */
export function fromOf(from: ResonanceOptions["from"] = "new"): From {
  if (from === "new" || from === "start") {
    return from;
  }
  if (typeof from === "string" && from !== "") {
    return { position: from };
  }
  if (from instanceof Date && !Number.isNaN(from.getTime())) {
    return { time: from };
  }
  throw expected("from", '"new", "start", a position or a Date', from);
}

function merged(base: ResonanceSettings, options: ResonanceDefaults): ResonanceSettings {
  const { group = base.group, noiseFloor, echo = base.echo } = options;
  if (group !== false && group !== undefined) {
    assertName("group", group);
  }
  if (typeof echo !== "boolean") {
    throw expected("echo", "true or false", echo);
  }
  return {
    group,
    ...(noiseFloor === undefined ? { floor: base.floor, adaptive: base.adaptive } : noiseFloorOf(noiseFloor)),
    echo,
    inbox: inboxOf(base.inbox, options),
    handlers: handlersOf(base.handlers, options),
  };
}

function inboxOf(base: InboxSettings, { inbox = {}, order = undefined }: ResonanceDefaults): InboxSettings {
  assertKnown(inbox, INBOX_OPTIONS, "inbox");
  const { capacity = base.capacity, bytes = base.bytes } = inbox;
  if (order !== undefined && order !== "fifo" && order !== "key" && order !== "strongest") {
    throw expected("order", '"fifo", "key" or "strongest"', order);
  }
  return {
    capacity: wholeOf("inbox.capacity", capacity, 1),
    bytes: wholeOf("inbox.bytes", bytes, 1),
    order: order ?? base.order,
  };
}

function handlersOf(base: HandlerSettings, options: ResonanceDefaults): HandlerSettings {
  const { concurrency = base.concurrency, handlerTimeoutMs = base.timeoutMs, maxAttempts = base.maxAttempts } = options;
  const backoff = options.backoffMs ?? {};
  assertKnown(backoff, BACKOFF_OPTIONS, "backoffMs");
  return {
    concurrency: wholeOf("concurrency", concurrency, 1),
    timeoutMs: millisecondsOf("handlerTimeoutMs", handlerTimeoutMs),
    maxAttempts: maxAttempts === undefined ? undefined : wholeOf("maxAttempts", maxAttempts, 1),
    backoffMs: {
      base: millisecondsOf("backoffMs.base", backoff.base ?? base.backoffMs.base),
      max: millisecondsOf("backoffMs.max", backoff.max ?? base.backoffMs.max),
    },
  };
}

/** Throws `AETHER_BAD_OPTION` unless `label` may name a vibrator or a group. */
export function assertName(option: string, label: unknown): asserts label is string {
  assertText(option, label, "_-.", LONGEST_NAME);
}

/** Throws `AETHER_BAD_OPTION` unless `label` may name a resonance: a pattern may. */
export function assertLabel(option: string, label: unknown): asserts label is string {
  assertText(option, label, "_-.*>$", LONGEST_CHANNEL);
}

/** Names go into queue names of brokers, so nothing that could end a line or a word gets in. */
function assertText(option: string, label: unknown, marks: string, longest: number): asserts label is string {
  if (typeof label !== "string" || label.length < 1 || label.length > longest || !isMadeOf(label, marks)) {
    const what = `1 to ${longest} characters of A-Z a-z 0-9 ${[...marks].join(" ")}`;
    throw new AetherError("AETHER_BAD_OPTION", `Expected \`${option}\` to be ${what}, got ${show(label)}`, {
      details: { option, got: label },
    });
  }
}

function isMadeOf(text: string, marks: string): boolean {
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    const alphanumeric = (code >= 48 && code <= 57) || (code >= 65 && code <= 90) || (code >= 97 && code <= 122);
    if (!alphanumeric && !marks.includes(text.charAt(at))) {
      return false;
    }
  }
  return true;
}
