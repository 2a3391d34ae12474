/** The logger: structured lines by pino, readable on a terminal and JSON elsewhere, in which no secret appears. */

import { AetherError, Wave } from "@aether/core";
import { trace } from "@opentelemetry/api";
import {
  type DestinationStream,
  destination,
  type Logger as Pino,
  type LoggerOptions as PinoOptions,
  pino,
} from "pino";
import { pretty } from "./pretty.ts";
import { SECRET_PATHS, scrubberOf } from "./scrub.ts";

/** Levels, quietest first: a logger writes its own level and what is louder. */
export const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "fatal"] as const;

export type LogLevel = (typeof LOG_LEVELS)[number] | "silent";

/** What a line is about, by name. A wave among them is written as its id, trace and channel. */
type Fields = Readonly<Record<string, unknown>>;

/** Writes one line: a message with fields, or fields and then a message, as pino's users do. Never throws. */
interface Write {
  (message: string, fields?: Fields): void;
  (fields: Fields, message?: string): void;
}

/** A structured log. */
export interface Logger {
  readonly trace: Write;
  readonly debug: Write;
  readonly info: Write;
  readonly warn: Write;
  readonly error: Write;
  readonly fatal: Write;
  /** May be changed at any time, for this logger and for the children made after it. */
  level: LogLevel;
  /** A logger whose lines all carry `fields`. */
  child(fields: Fields): Logger;
  /** Everything that was logged is written when it returns. */
  flush(): void;
}

/** Options of {@link createLogger}. */
export interface LoggerOptions {
  /** Name of the service, in the field `name`. */
  readonly name?: string | undefined;
  /** Default `"info"`. */
  readonly level?: LogLevel | undefined;
  /** JSON lines, or lines for people. Default: JSON unless the output is a terminal. */
  readonly json?: boolean | undefined;
  /** Where lines go: anything with `write`. Default: standard output. */
  readonly destination?: { write(text: string): unknown } | undefined;
  /** Texts that never appear, whatever they are logged as; asked for each line, so that they may change. */
  readonly secrets?: (() => Iterable<string>) | Iterable<string> | undefined;
  /** The wave that is being handled, such as `() => aether.current`: its id, trace and channel go on every line. */
  readonly current?: (() => Wave | undefined) | undefined;
}

/** Makes a logger. Throws `AETHER_BAD_OPTION` for an unknown level. */
export function createLogger(options: LoggerOptions = {}): Logger {
  const { name, level = "info", secrets = [], current, destination: target } = options;
  assertLevel(level);
  const isTerminal = target === undefined && process.stdout.isTTY === true;
  const json = options.json ?? !isTerminal;
  const output = target ?? destination({ dest: 1, sync: true });
  const stream: DestinationStream = { write: (line) => void output.write(json ? line : pretty(line, isTerminal)) };
  const scrub = scrubberOf(secrets);
  const settings: PinoOptions = {
    ...(name === undefined ? {} : { name }),
    level,
    base: { pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    redact: { paths: [...SECRET_PATHS], censor: "[redacted]" },
    serializers: { error: errorOf, err: errorOf },
    mixin: () => ({ ...waveFields(current?.()), ...spanFields() }),
    hooks: { streamWrite: scrub },
  };
  return wrap(pino(settings, stream));
}

function assertLevel(level: unknown): asserts level is LogLevel {
  if (level !== "silent" && !LOG_LEVELS.some((known) => known === level)) {
    const known = [...LOG_LEVELS, "silent"].join(", ");
    throw new AetherError(
      "AETHER_BAD_OPTION",
      `Expected \`level\` to be one of ${known}, got ${JSON.stringify(level)}`,
      {
        details: { option: "level", got: level },
      },
    );
  }
}

function wrap(log: Pino): Logger {
  const writer =
    (level: (typeof LOG_LEVELS)[number]): Write =>
    (first: string | Fields, second?: string | Fields) => {
      if (!log.isLevelEnabled(level)) {
        return;
      }
      const [message, fields] = typeof first === "string" ? [first, second] : [second, first];
      const text = typeof message === "string" ? message : undefined;
      try {
        log[level](typeof fields === "object" ? fieldsOf(fields) : {}, text);
      } catch (error) {
        // Something in the fields throws when it is looked at: the line goes without them.
        log[level]({ unwritable: error instanceof Error ? error.message : String(error) }, text);
      }
    };
  return {
    trace: writer("trace"),
    debug: writer("debug"),
    info: writer("info"),
    warn: writer("warn"),
    error: writer("error"),
    fatal: writer("fatal"),
    get level(): LogLevel {
      const { level } = log;
      assertLevel(level);
      return level;
    },
    set level(level: LogLevel) {
      assertLevel(level);
      log.level = level;
    },
    child: (fields) => wrap(log.child(fieldsOf(fields))),
    flush: () => log.flush(),
  };
}

/** `fields`, with waves as what names them; a field that is one of ours keeps its name. */
function fieldsOf(fields: Fields): Record<string, unknown> {
  const found: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields)) {
    if (value instanceof Wave) {
      Object.assign(found, name === "wave" ? waveFields(value) : { [name]: value.id });
    } else {
      found[name] = value;
    }
  }
  return found;
}

function waveFields(wave: Wave | undefined): Record<string, string> {
  return wave === undefined ? {} : { wave_id: wave.id, wave_trace: wave.trace, channel: wave.channel };
}

function spanFields(): Record<string, string> {
  const context = trace.getActiveSpan()?.spanContext();
  return context === undefined ? {} : { trace_id: context.traceId, span_id: context.spanId };
}

/** What is logged of an error: its code and details too, and what caused it. */
function errorOf(error: unknown): unknown {
  if (!(error instanceof Error)) {
    return error;
  }
  const { name: type, message, stack, cause } = error;
  const more =
    error instanceof AetherError ? { code: error.code, retryable: error.retryable, details: error.details } : {};
  return { type, message, ...more, stack, ...(cause === undefined ? {} : { cause: errorOf(cause) }) };
}
