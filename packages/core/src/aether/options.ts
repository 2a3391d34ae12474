/** What users may ask for, checked: every bad option is refused with what was expected, what came and what to do. */

import { AetherError, expected } from "../errors.ts";
import { type Amplitude, amplitudeOf } from "../physics/amplitude.ts";
import { HEDGE_BUDGET } from "../physics/hedge.ts";
import { halfLifeOf } from "../physics/physics.ts";
import { DEFAULT_RESEND, type ResendLaw } from "../physics/resend.ts";
import type { Headers, Wave } from "../wave/wave.ts";
import { hasControl, isVisible, LONGEST_KEY, MOST_HEADER_CHARACTERS, MOST_HEADERS } from "../wave/well-formed.ts";

/** Options of `emit`. */
export interface EmitOptions {
  /** Id of the wave: emitting again under the same id is safe. 1..128 visible ASCII characters. */
  readonly id?: string | undefined;
  readonly kind?: "event" | "broadcast" | "command" | undefined;
  /** 0..1 or a name. Default: the channel's, else what the cause is worth now, else 0.5. */
  readonly amplitude?: Amplitude | undefined;
  /** Radians, 0 up to 2π. */
  readonly phase?: number | undefined;
  /** What the wave is about, 1..256 characters. */
  readonly key?: string | undefined;
  /** Charge in interference, above 0 and up to 1,000,000. Default 1. */
  readonly weight?: number | undefined;
  /** Milliseconds above 0; `Infinity` is allowed. */
  readonly halfLifeMs?: number | undefined;
  /** At most 64 texts and 8 KiB in all. */
  readonly headers?: Headers | undefined;
  /** The wave that caused this one; `null` starts a chain. Default: the one being handled. */
  readonly cause?: Wave | null | undefined;
  /** How long a command, or `whenFull: "wait"`, may wait. Default 2000. */
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** `"shed"` (default): a full receiver sheds its quietest; `"wait"`: wait for room. */
  readonly whenFull?: "shed" | "wait" | undefined;
  /**
   * Whether a command or query that nobody took is sent again, under the same id and with its age, while it is audible and
   * within its `timeoutMs`. `true`: at most 3 sendings, and resends of at most a tenth of a channel's first sendings.
   * Default false. docs/physics.md §2.
   */
  readonly resend?: boolean | ResendOptions | undefined;
  /**
   * Whether an event or broadcast that fails at a receiver comes back to `onReflection`. Default false; commands and
   * queries always do. docs/physics.md §7
   */
  readonly reflect?: boolean | undefined;
  /** Whether the payload, up to 8 KiB, comes back with it. Default: with commands and queries. */
  readonly reflectBody?: boolean | undefined;
}

/** How a wave is sent again. */
export interface ResendOptions {
  /** Most sendings, the first included, 1 to 100. Default 3. */
  readonly attempts?: number | undefined;
  /** Most milliseconds of the first wait, doubled each time, with full jitter. Default 100. */
  readonly baseMs?: number | undefined;
  /** Most milliseconds of any wait. Default 10,000. */
  readonly capMs?: number | undefined;
  /** Resends of the channel in a minute, as a share of its first sendings, above 0. Default 0.1; `Infinity`: no bound. */
  readonly budget?: number | undefined;
}

/** Options of `gather`. */
export type GatherOptions = Omit<EmitOptions, "kind">;

/** Options of `query`. */
export interface QueryOptions extends GatherOptions {
  /**
   * For queries that may be handled twice: one without an answer after `afterMs` milliseconds (default: what 95 of the
   * last 100 answers on the channel took at most, known after 20) is asked again, of another member of each group that
   * has it. The first answer wins, and the other handler's `ctx.signal` aborts. At most the share `budget` (0..1,
   * default 0.02) of the last 1000 queries on the channel is asked twice. Not together with `resend`. docs/physics.md §9
   */
  readonly hedge?: boolean | HedgeOptions | undefined;
}

/** When a query is asked a second time, and how often. */
export interface HedgeOptions {
  readonly afterMs?: number | undefined;
  readonly budget?: number | undefined;
}

/** Names of an options type, compared by the compiler. */
export type Known<T> = { readonly [K in keyof Required<T>]: true };

const EMIT_OPTIONS: Known<EmitOptions> = {
  id: true,
  kind: true,
  amplitude: true,
  phase: true,
  key: true,
  weight: true,
  halfLifeMs: true,
  headers: true,
  cause: true,
  timeoutMs: true,
  signal: true,
  whenFull: true,
  resend: true,
  reflect: true,
  reflectBody: true,
};

const RESEND_OPTIONS: Known<ResendOptions> = { attempts: true, baseMs: true, capMs: true, budget: true };
const MOST_ATTEMPTS = 100;

/** How long a command or query, or `whenFull: "wait"`, waits where nothing else is said. */
export const DEFAULT_TIMEOUT_MS = 2000;

const LATER = new Set(["afterMs", "at", "dataRef", "fairBy"]);
const LONGEST_GIVEN_ID = 128;
const LONGEST_TIMEOUT_MS = 2 ** 31 - 1;

/** Throws unless every key of `options` is known: `AETHER_UNSUPPORTED` for what is to come, else `AETHER_BAD_OPTION`. */
export function assertKnown<T extends object>(options: T, known: Known<T>, where: string): void {
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    throw expected(`options of ${where}`, "an object", options);
  }
  const names: { readonly [name: string]: unknown } = known;
  for (const name in options) {
    if (names[name] !== true) {
      if (LATER.has(name)) {
        throw new AetherError("AETHER_UNSUPPORTED", `\`${name}\` of ${where} is not built yet`, {
          details: { option: name },
        });
      }
      throw expected(`options of ${where}`, `only ${Object.keys(known).join(", ")}`, name);
    }
  }
}

/** `amount` if it is a number of milliseconds above 0, at most 24 days. */
export function millisecondsOf(name: string, amount: number): number {
  if (typeof amount === "number" && amount > 0 && amount <= LONGEST_TIMEOUT_MS) {
    return amount;
  }
  throw expected(name, `a number of milliseconds above 0 and up to ${LONGEST_TIMEOUT_MS}`, amount);
}

/** `amount` if it is a whole number of at least `least`. */
export function wholeOf(name: string, amount: number, least: number): number {
  if (Number.isInteger(amount) && amount >= least) {
    return amount;
  }
  throw expected(name, `a whole number of at least ${least}`, amount);
}

/** `amplitude` if it is one. Throws `AETHER_BAD_OPTION`. */
export function loudnessOf(amplitude: number): number {
  if (typeof amplitude === "number" && amplitude >= 0 && amplitude <= 1) {
    return amplitude;
  }
  throw expected("amplitude", "a number from 0 to 1", amplitude);
}

/** `signal` if it is one, or none. */
export function signalOf(signal: unknown): AbortSignal | undefined {
  if (signal === undefined || signal instanceof AbortSignal) {
    return signal;
  }
  throw expected("signal", "an AbortSignal", signal);
}

/** `headers`, copied and frozen, if they are small enough and cannot break a line. */
function headersOf(headers: Headers): Headers {
  if (typeof headers !== "object" || headers === null || Array.isArray(headers)) {
    throw expected("headers", "an object of texts", headers);
  }
  const entries = Object.entries(headers);
  let bytes = 0;
  for (const [name, value] of entries) {
    if (typeof value !== "string" || !isVisible(name, MOST_HEADER_CHARACTERS) || hasControl(value)) {
      throw expected(`headers.${name}`, "a visible ASCII name with a text without control characters", value);
    }
    bytes += name.length + value.length;
  }
  if (entries.length > MOST_HEADERS || bytes > MOST_HEADER_CHARACTERS) {
    throw new AetherError(
      "AETHER_TOO_LARGE",
      `Expected at most ${MOST_HEADERS} headers of ${MOST_HEADER_CHARACTERS} characters in all, got ${entries.length} of ${bytes}`,
    );
  }
  return Object.freeze(Object.fromEntries(entries));
}

/** The options of an emit, checked: amplitude as a number, headers frozen. */
export interface CheckedEmit extends EmitOptions {
  readonly amplitude: number | undefined;
  readonly resend: ResendLaw | undefined;
}

/** {@link HedgeOptions}, checked. */
export interface CheckedHedge {
  /** Milliseconds; `undefined`: as the channel's answers say. */
  readonly afterMs: number | undefined;
  readonly budget: number;
}

/** The options of a query, checked. */
export interface CheckedQuery extends CheckedEmit {
  readonly hedge?: CheckedHedge | undefined;
}

/** `options` of `query` if they are legal. */
export function queryOptionsOf(options: (EmitOptions & QueryOptions) | undefined): CheckedQuery {
  if (typeof options !== "object" || options === null || !("hedge" in options)) {
    return emitOptionsOf(options);
  }
  const { hedge, ...others } = options;
  const checked = hedge === undefined ? undefined : hedgeOf(hedge);
  if (checked !== undefined && others.resend !== undefined && others.resend !== false) {
    throw expected("hedge", "left out where `resend` is given: one of them is to decide when it is sent again", hedge);
  }
  return { ...emitOptionsOf(others), hedge: checked };
}

function hedgeOf(hedge: boolean | HedgeOptions): CheckedHedge | undefined {
  if (typeof hedge === "boolean") {
    return hedge ? { afterMs: undefined, budget: HEDGE_BUDGET } : undefined;
  }
  assertKnown(hedge, { afterMs: true, budget: true }, "hedge");
  const { afterMs, budget = HEDGE_BUDGET } = hedge;
  if (typeof budget !== "number" || !(budget >= 0 && budget <= 1)) {
    throw expected("hedge.budget", "a share from 0 to 1", budget);
  }
  return { afterMs: afterMs === undefined ? undefined : millisecondsOf("hedge.afterMs", afterMs), budget };
}

/** What an emit without options comes with. */
export const NO_OPTIONS: CheckedEmit = {
  id: undefined,
  kind: undefined,
  amplitude: undefined,
  phase: undefined,
  key: undefined,
  weight: undefined,
  halfLifeMs: undefined,
  headers: undefined,
  cause: undefined,
  timeoutMs: undefined,
  signal: undefined,
  whenFull: undefined,
  resend: undefined,
  reflect: undefined,
  reflectBody: undefined,
};

/** The options of the last call that asked for a timeout and nothing else: most queries come with the same. */
let lastTimeout: CheckedEmit = { ...NO_OPTIONS, timeoutMs: DEFAULT_TIMEOUT_MS };

function isTimeoutOnly(options: EmitOptions): boolean {
  for (const name in options) {
    if (name !== "timeoutMs") {
      return false;
    }
  }
  return true;
}

/** `options` of `emit`, `query` or `gather` if they are legal. */
export function emitOptionsOf(options: EmitOptions | undefined): CheckedEmit {
  if (options === undefined) {
    return NO_OPTIONS;
  }
  if (typeof options === "object" && options !== null && options.timeoutMs === lastTimeout.timeoutMs) {
    if (isTimeoutOnly(options)) {
      return lastTimeout;
    }
  }
  const checked = checkedEmit(options);
  if (checked.timeoutMs !== undefined && isTimeoutOnly(options)) {
    lastTimeout = checked;
  }
  return checked;
}

function checkedEmit(options: EmitOptions): CheckedEmit {
  assertKnown(options, EMIT_OPTIONS, "emit");
  const { id, kind, amplitude, phase, key, weight, halfLifeMs, headers, timeoutMs, whenFull } = options;
  const { reflect, reflectBody } = options;
  if (id !== undefined && !isVisible(id, LONGEST_GIVEN_ID)) {
    throw expected("id", "1 to 128 visible ASCII characters", id);
  }
  if (kind !== undefined && kind !== "event" && kind !== "broadcast" && kind !== "command") {
    throw expected("kind", "event, broadcast or command (queries have `query` and `gather`)", kind);
  }
  if (phase !== undefined && !(phase >= 0 && phase < 2 * Math.PI)) {
    throw expected("phase", "radians from 0 up to 2π", phase);
  }
  if (key !== undefined && (typeof key !== "string" || key.length < 1 || key.length > LONGEST_KEY)) {
    throw expected("key", "a text of 1 to 256 characters", key);
  }
  if (weight !== undefined && !(weight > 0 && weight <= 1e6)) {
    throw expected("weight", "a number above 0 and up to 1,000,000", weight);
  }
  if (halfLifeMs !== undefined) {
    halfLifeOf(halfLifeMs);
  }
  if (timeoutMs !== undefined) {
    millisecondsOf("timeoutMs", timeoutMs);
  }
  if (whenFull !== undefined && whenFull !== "shed" && whenFull !== "wait") {
    throw expected("whenFull", "shed or wait", whenFull);
  }
  if (reflect !== undefined && typeof reflect !== "boolean") {
    throw expected("reflect", "true or false", reflect);
  }
  if (reflectBody !== undefined && typeof reflectBody !== "boolean") {
    throw expected("reflectBody", "true or false", reflectBody);
  }
  // One shape for all, and a copy: what the caller does to its object later changes nothing here.
  return {
    id,
    kind,
    amplitude: amplitude === undefined ? undefined : amplitudeOf(amplitude),
    phase,
    key,
    weight,
    halfLifeMs,
    headers: headers === undefined ? undefined : headersOf(headers),
    cause: options.cause,
    timeoutMs,
    signal: signalOf(options.signal),
    whenFull,
    resend: resendOf(options.resend),
    reflect,
    reflectBody,
  };
}

/** The law of resending that `resend` asks for, if it asks for any. Throws `AETHER_BAD_OPTION`. */
function resendOf(resend: EmitOptions["resend"]): ResendLaw | undefined {
  if (resend === undefined || resend === false) {
    return undefined;
  }
  if (resend === true) {
    return DEFAULT_RESEND;
  }
  assertKnown(resend, RESEND_OPTIONS, "resend");
  const { attempts, baseMs, capMs, budget } = { ...DEFAULT_RESEND, ...defined(resend) };
  if (!Number.isInteger(attempts) || attempts < 1 || attempts > MOST_ATTEMPTS) {
    throw expected("resend.attempts", `a whole number from 1 to ${MOST_ATTEMPTS}`, attempts);
  }
  if (typeof budget !== "number" || !(budget > 0)) {
    throw expected("resend.budget", "a number above 0 (Infinity: no bound)", budget);
  }
  return {
    attempts,
    baseMs: millisecondsOf("resend.baseMs", baseMs),
    capMs: millisecondsOf("resend.capMs", capMs),
    budget,
  };
}

/** `options` without what is left open, so that it does not cover a default. */
function defined({ attempts, baseMs, capMs, budget }: ResendOptions): Partial<ResendLaw> {
  return {
    ...(attempts !== undefined && { attempts }),
    ...(baseMs !== undefined && { baseMs }),
    ...(capMs !== undefined && { capMs }),
    ...(budget !== undefined && { budget }),
  };
}

/** Throws `AETHER_BAD_OPTION` where `resend` is asked for of a wave that nobody waits for, or that all may answer. */
export function refuseResend({ resend }: CheckedEmit, what: string): void {
  if (resend !== undefined) {
    throw expected("resend", "left out but for commands and queries", what);
  }
}
