/** A channel as a contract: the name that two services share, with the shape of what travels on it. */

import type { StandardSchemaV1 } from "@standard-schema/spec";
import { AetherError, expected, messageOf } from "../errors.ts";
import { type Amplitude, amplitudeOf } from "../physics/amplitude.ts";
import { halfLifeOf } from "../physics/physics.ts";
import { assertPattern, LONGEST_CHANNEL } from "./channel-name.ts";
import { matches } from "./pattern.ts";
import type { Wave } from "./wave.ts";

/** A schema of any library that speaks Standard Schema. */
export type Schema<Input = unknown, Output = unknown> = StandardSchemaV1<Input, Output>;

/** Lifts a payload of an older version. `fromVersion` is 1 where the wave names none. */
export type Upgrade = (payload: unknown, fromVersion: number) => unknown;

/** What a channel may be declared to hold. */
export interface ChannelOptions<
  S extends Schema | undefined = Schema | undefined,
  R extends Schema | undefined = Schema | undefined,
> {
  /** Shape of the payload. Emitters give its input; handlers get its output. */
  readonly schema?: S;
  /** Shape of the answer to a query. Handlers return its input; the one who asks gets its output. */
  readonly reply?: R;
  /** Kind of its waves when `emit` is given none. Default `"event"`. */
  readonly kind?: "event" | "broadcast" | "command";
  /** Kept until handled. Needs a medium or a journal that can. */
  readonly recorded?: boolean;
  /** Amplitude of its waves when `emit` is given none. */
  readonly amplitude?: Amplitude;
  /** Half-life of its waves in milliseconds. */
  readonly halfLifeMs?: number;
  /** Version of the schema, 1 or more; it travels with each wave. */
  readonly version?: number;
  /** Lifts payloads of versions below `version`. */
  readonly upgrade?: Upgrade;
}

const CHANNEL_OPTIONS: readonly string[] = [
  "schema",
  "reply",
  "kind",
  "recorded",
  "amplitude",
  "halfLifeMs",
  "version",
  "upgrade",
];

type InputOf<S> = S extends StandardSchemaV1 ? StandardSchemaV1.InferInput<S> : unknown;
type OutputOf<S> = S extends StandardSchemaV1 ? StandardSchemaV1.InferOutput<S> : unknown;

/** A channel contract. `In` is what is emitted, `Out` what is heard; `ReplyIn` what is returned, `ReplyOut` what is got. */
export class Channel<In = unknown, Out = unknown, ReplyIn = unknown, ReplyOut = unknown> {
  /** A channel name, or a pattern that can only be resonated on. */
  readonly name: string;
  readonly schema: Schema<In, Out> | undefined;
  readonly reply: Schema<ReplyIn, ReplyOut> | undefined;
  readonly kind: "event" | "broadcast" | "command" | undefined;
  readonly recorded: boolean;
  /** 0..1 */
  readonly amplitude: number | undefined;
  /** Milliseconds. */
  readonly halfLifeMs: number | undefined;
  readonly version: number | undefined;
  readonly upgrade: Upgrade | undefined;

  constructor(
    name: string,
    options: ChannelOptions,
    schema: Schema<In, Out> | undefined,
    reply: Schema<ReplyIn, ReplyOut> | undefined,
  ) {
    assertPattern(name, LONGEST_CHANNEL);
    const { kind, recorded = false, amplitude, halfLifeMs, version, upgrade } = options;
    if (typeof recorded !== "boolean") {
      throw expected("recorded", "true or false", recorded);
    }
    if (upgrade !== undefined && typeof upgrade !== "function") {
      throw expected("upgrade", "a function", upgrade);
    }
    if (kind !== undefined && kind !== "event" && kind !== "broadcast" && kind !== "command") {
      throw expected("kind", "event, broadcast or command", kind);
    }
    if (version !== undefined && !(Number.isInteger(version) && version >= 1)) {
      throw expected("version", "a whole number of at least 1", version);
    }
    if (upgrade !== undefined && version === undefined) {
      throw expected("version", "given together with `upgrade`", version);
    }
    this.name = name;
    this.schema = schema;
    this.reply = reply;
    this.kind = kind;
    this.recorded = recorded;
    this.amplitude = amplitude === undefined ? undefined : amplitudeOf(amplitude);
    this.halfLifeMs = halfLifeMs === undefined ? undefined : halfLifeOf(halfLifeMs);
    this.version = version;
    this.upgrade = upgrade;
    Object.freeze(this);
  }

  /** The contract of the channel `token` levels below this one; nothing but the name is inherited. */
  child<S extends Schema | undefined = undefined, R extends Schema | undefined = undefined>(
    token: string,
    options: ChannelOptions<S, R> = {},
  ): Channel<InputOf<S>, OutputOf<S>, InputOf<R>, OutputOf<R>> {
    return channel(`${this.name}.${token}`, options);
  }

  /** Whether `wave`, which was read by contracts, came by this one: where several share one function. */
  carries(wave: Wave): wave is Wave<Out> {
    return matches(this.name, wave.channel);
  }

  toString(): string {
    return this.name;
  }
}

/** Gives a wave the payload that a handler may rely on, at once or later. Throws `AETHER_BAD_PAYLOAD`. */
export type Reader<Out> = (wave: Wave) => Wave<Out> | Promise<Wave<Out>>;

/** The reader of a resonance that has no contract. */
export const asItIs: Reader<unknown> = (wave) => wave;

/** The reader of `contract`: older payloads are upgraded, then parsed to the schema's output. */
export function readerOf<Out>(contract: Channel<unknown, Out>): Reader<Out> {
  const { schema, upgrade, version, name } = contract;
  const lifted = (wave: Wave): unknown => {
    const from = wave.version ?? 1;
    if (upgrade === undefined || version === undefined || from >= version) {
      return wave.payload;
    }
    try {
      return upgrade(wave.payload, from);
    } catch (cause) {
      throw broken(`version ${from} of the payload of "${name}" to be upgraded to ${version}`, cause);
    }
  };
  if (schema === undefined) {
    // Without a schema `Out` is unknown, whatever the payload is.
    return (wave) => wave.withPayload(lifted(wave) as Out);
  }
  return (wave) => {
    const parsed = parse(schema, lifted(wave), `the payload of "${name}"`);
    return parsed instanceof Promise ? parsed.then((payload) => wave.withPayload(payload)) : wave.withPayload(parsed);
  };
}

/**
 * Declares a channel. Throws `AETHER_BAD_CHANNEL` for an illegal name and `AETHER_BAD_OPTION` for an illegal option.
 */
export function channel<S extends Schema | undefined = undefined, R extends Schema | undefined = undefined>(
  name: string,
  options: ChannelOptions<S, R> = {},
): Channel<InputOf<S>, OutputOf<S>, InputOf<R>, OutputOf<R>> {
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    throw expected("options of channel", "an object", options);
  }
  for (const option of Object.keys(options)) {
    if (!CHANNEL_OPTIONS.includes(option)) {
      throw expected("options of channel", `only ${CHANNEL_OPTIONS.join(", ")}`, option);
    }
  }
  const { schema, reply } = options;
  assertSchema("schema", schema);
  assertSchema("reply", reply);
  return new Channel(name, options, schema as TypedSchema<S>, reply as TypedSchema<R>);
}

/** The same schema under the types that were inferred from it. */
type TypedSchema<S> = Schema<InputOf<S>, OutputOf<S>> | undefined;

function assertSchema(option: string, schema: Schema | undefined): void {
  if (schema !== undefined && typeof schema?.["~standard"]?.validate !== "function") {
    throw expected(option, "a schema of a library that implements Standard Schema", schema);
  }
}

/** `response` with its payload as `reply` gives it out. Rejects with `AETHER_BAD_PAYLOAD`. */
export async function readAnswer(reply: Schema, response: Wave): Promise<Wave> {
  return response.withPayload(await parse(reply, response.payload, `the answer on "${response.channel}"`));
}

/**
 * `value` as `schema` gives it out, at once or, where the schema waits for something, later. Throws or rejects with
 * `AETHER_BAD_PAYLOAD`, which names each path and reason.
 */
export function parse<Out>(schema: Schema<unknown, Out>, value: unknown, what: string): Out | Promise<Out> {
  const fault = (cause: unknown): AetherError => broken(`${what} to be checked by its schema`, cause);
  let result: StandardSchemaV1.Result<Out> | Promise<StandardSchemaV1.Result<Out>>;
  try {
    result = schema["~standard"].validate(value);
  } catch (cause) {
    throw fault(cause);
  }
  if (!(result instanceof Promise)) {
    return outcome(result, what);
  }
  return result.then(
    (late) => outcome(late, what),
    (cause: unknown) => {
      throw fault(cause);
    },
  );
}

/** The error of a schema or upgrade that threw instead of saying what is wrong. */
function broken(what: string, cause: unknown): AetherError {
  return new AetherError("AETHER_BAD_PAYLOAD", `Expected ${what}, got an exception: ${messageOf(cause)}`, { cause });
}

function outcome<Out>(result: StandardSchemaV1.Result<Out>, what: string): Out {
  if (typeof result !== "object" || result === null) {
    throw broken(`${what} to be checked by its schema`, new TypeError("the schema gave no result"));
  }
  if (result.issues === undefined) {
    return result.value;
  }
  const issues = result.issues.map(({ path, message }) => ({ path: pathText(path), message }));
  const reasons = issues.map(({ path, message }) => (path === "" ? message : `\`${path}\`: ${message}`)).join("; ");
  throw new AetherError("AETHER_BAD_PAYLOAD", `Expected ${what} to fit its schema: ${reasons}`, {
    details: { issues },
  });
}

function pathText(path: StandardSchemaV1.Issue["path"]): string {
  let text = "";
  for (const step of path ?? []) {
    const key = typeof step === "object" ? step.key : step;
    text += typeof key === "number" ? `[${key}]` : text === "" ? String(key) : `.${String(key)}`;
  }
  return text;
}
