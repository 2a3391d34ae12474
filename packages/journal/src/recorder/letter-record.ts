/** A dead letter as a record: what is known of it as JSON, and then its wave. docs/journal-format.md. */

import {
  type DeadLetter,
  type DeadLetterError,
  ERRORS,
  type ErrorCode,
  type Moment,
  type NewDeadLetter,
  Wave,
} from "@aether/core";
import { bodyOf, type WaveBodies, writeWave } from "../body/wave-body.ts";
import type { Log } from "../log/log.ts";
import { fieldsAt, numberOf, OWN } from "./own-records.ts";
import type { StoredRecord } from "./stored-records.ts";

const LENGTH_BYTES = 4;
const WIDEST = 3;
const LONGEST_TEXT = 4096;

/** What an index keeps of a letter. */
export interface LetterHead {
  readonly id: string;
  readonly channel: string;
  readonly at: number;
  /** Whether it was in the log before, and stands here so that its old place can be deleted. */
  readonly moved: boolean;
}

/** Appends `letter` as `id`; what cannot be written of its wave is left out. Resolves to its position. */
export function appendLetter(log: Log, id: string, letter: NewDeadLetter, moved: boolean): Promise<string> {
  const { wave, error, attempts, group, name, instance, origin, at } = letter;
  const { code, message, stack } = error;
  const said = { code, message: message.slice(0, LONGEST_TEXT), stack: stack?.slice(0, LONGEST_TEXT) };
  const { channel, position } = wave;
  const { source, sourceId } = origin;
  const head = { id, channel, at, error: said, attempts, group, name, instance, source, sourceId, position, moved };
  const text = JSON.stringify(head);
  const body = writable(wave);
  const most = LENGTH_BYTES + WIDEST * text.length + body.most;
  return log.append(OWN.letter, most, (slab) => {
    const start = slab.length;
    slab.u32(0);
    slab.utf8(text);
    slab.buffer.writeUInt32LE(slab.length - start - LENGTH_BYTES, start);
    writeWave(slab, body, wave.age);
  });
}

function writable(wave: Wave): ReturnType<typeof bodyOf> {
  try {
    return bodyOf(wave);
  } catch {
    return bodyOf(wave.withPayload<unknown>(undefined));
  }
}

/** The bytes of its JSON; `undefined`: it is no letter. */
function headEnd(buffer: Buffer, at: number, end: number): number | undefined {
  const stop = end - at < LENGTH_BYTES ? end + 1 : at + LENGTH_BYTES + buffer.readUInt32LE(at);
  return stop > end ? undefined : stop;
}

/** What an index keeps of the letter from `at` to `end`; `undefined`: it is none. */
export function letterHead(buffer: Buffer, at: number, end: number): LetterHead | undefined {
  const stop = headEnd(buffer, at, end);
  const fields = stop === undefined ? {} : fieldsAt(buffer, at + LENGTH_BYTES, stop);
  const { id, channel, moved } = fields;
  return typeof id === "string" && typeof channel === "string"
    ? { id, channel, at: numberOf(fields["at"]), moved: moved === true }
    : undefined;
}

/** The letter in `record`; `undefined`: it is none. */
export function readLetter(record: StoredRecord, bodies: WaveBodies, moment: Moment): DeadLetter | undefined {
  const { buffer, at, end } = record;
  const stop = headEnd(buffer, at, end);
  if (stop === undefined) {
    return undefined;
  }
  const fields = fieldsAt(buffer, at + LENGTH_BYTES, stop);
  const { id, group, name, instance, source, sourceId, position } = fields;
  const place = { position: textOf(position) };
  const wave = bodies.read(buffer, stop, end, moment, place);
  if (typeof id !== "string" || wave === undefined || wave === null) {
    return undefined;
  }
  return {
    id,
    wave: typeof position === "string" ? wave : withoutPosition(wave),
    error: errorOf(fields["error"]),
    attempts: numberOf(fields["attempts"]),
    group: typeof group === "string" ? group : false,
    name: textOf(name),
    instance: textOf(instance),
    origin: { source: textOf(source), sourceId: textOf(sourceId) },
    at: numberOf(fields["at"]),
  };
}

function withoutPosition(wave: Wave): Wave {
  const init = wave.toInit();
  return Wave.of({ ...init, extras: { ...init.extras, position: undefined } });
}

function errorOf(value: unknown): DeadLetterError {
  const { code, message, stack }: Readonly<Record<string, unknown>> = { ...Object(value) };
  return {
    code: isCode(code) ? code : "AETHER_HANDLER_FAILED",
    message: textOf(message),
    stack: typeof stack === "string" ? stack : undefined,
  };
}

function isCode(code: unknown): code is ErrorCode {
  return typeof code === "string" && Object.hasOwn(ERRORS, code);
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}
