/** What is kept of a group's place: how far it has come in each band, and what it has left open before that. */

import { fieldsAt, numberOf, numbers } from "./own-records.ts";
import { RECORD_BANDS } from "./wave-index.ts";

/** Who a place is of. */
export interface PlaceName {
  readonly group: string;
  readonly name: string;
}

/** A wave that was handed over and is not done with. */
export interface OpenWave {
  readonly sequence: number;
  readonly band: number;
  /** The attempt that it comes for next. */
  readonly attempt: number;
}

/** The whole of it. */
export interface PlaceFacts extends PlaceName {
  readonly pattern: string;
  /** By band: the sequence up to which everything was handed over, or was not meant for it. */
  readonly passed: readonly number[];
  readonly open: readonly OpenWave[];
  /** Sequence of the last wave up to which everything was handled; 0: none. */
  readonly handled: number;
}

/** What has changed since it was kept last. Applied twice it is as good as once. */
export interface PlaceChange extends PlaceName {
  readonly passed: readonly number[];
  readonly opened: readonly OpenWave[];
  readonly closed: readonly number[];
  readonly handled: number;
}

export function identityOf({ group, name }: PlaceName): string {
  return JSON.stringify([group, name]);
}

/** As the log has it: `p` and no `c` is a place that begins, `gone` one that ends. */
export function factsFields({ group, name, pattern, passed, open, handled }: PlaceFacts): unknown {
  return { group, name, pattern, passed, handled, open: open.map(tripleOf) };
}

export function changeFields({ group, name, passed, opened, closed, handled }: PlaceChange): unknown {
  return { group, name, passed, handled, opened: opened.map(tripleOf), closed };
}

function tripleOf({ sequence, band, attempt }: OpenWave): readonly number[] {
  return attempt === 1 ? [sequence, band] : [sequence, band, attempt];
}

/** What `fields` say of a whole place; `undefined`: they are of none. */
export function factsOf(fields: Readonly<Record<string, unknown>>): PlaceFacts | undefined {
  const { group, name, pattern } = fields;
  if (typeof group !== "string" || typeof name !== "string" || typeof pattern !== "string") {
    return undefined;
  }
  const passed = passedOf(fields["passed"]);
  return { group, name, pattern, passed, open: openOf(fields["open"]), handled: numberOf(fields["handled"]) };
}

function passedOf(value: unknown): readonly number[] {
  const found = numbers(value);
  return Array.from({ length: RECORD_BANDS }, (_, at) => found[at] ?? 0);
}

function openOf(value: unknown): readonly OpenWave[] {
  return (Array.isArray(value) ? value : []).map((triple) => {
    const [sequence = 0, band = 0, attempt = 1] = numbers(triple);
    return { sequence, band, attempt };
  });
}

/** The places by their identity, with what the record of a place from `at` to `end` says. */
export function applyPlace(places: Map<string, PlaceFacts>, buffer: Buffer, at: number, end: number): void {
  const fields = fieldsAt(buffer, at, end);
  const { group, name } = fields;
  if (typeof group !== "string" || typeof name !== "string") {
    return;
  }
  const identity = identityOf({ group, name });
  const whole = factsOf(fields);
  const known = places.get(identity);
  if (fields["gone"] === true) {
    places.delete(identity);
  } else if (whole !== undefined) {
    places.set(identity, whole);
  } else if (known !== undefined) {
    places.set(identity, changed(known, fields));
  }
}

function changed(known: PlaceFacts, fields: Readonly<Record<string, unknown>>): PlaceFacts {
  const open = new Map(known.open.map((one) => [one.sequence, one]));
  for (const one of openOf(fields["opened"])) {
    open.set(one.sequence, one);
  }
  for (const sequence of numbers(fields["closed"])) {
    open.delete(sequence);
  }
  const passed = passedOf(fields["passed"]).map((sequence, at) => Math.max(sequence, known.passed[at] ?? 0));
  return { ...known, passed, open: [...open.values()], handled: Math.max(known.handled, numberOf(fields["handled"])) };
}
