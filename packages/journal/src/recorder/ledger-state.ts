/** What a recorder remembers beside waves: as a checkpoint has it, and with what the log says since. */

import { coverOf } from "@aether/core";
import { letterHead } from "./letter-record.ts";
import { LetterShelf } from "./letter-shelf.ts";
import { fieldsAt, numberOf, OWN, texts } from "./own-records.ts";
import { applyPlace, factsFields, factsOf, identityOf, type PlaceFacts } from "./place-facts.ts";

/** The state as it is read, before places are made of it. */
export class LedgerState {
  cover: readonly string[];
  readonly places: Map<string, PlaceFacts>;
  readonly letters: LetterShelf;
  /** Sequence of the first wave whose id is to be known; 0: none. */
  readonly idsSince: number;

  constructor(value?: unknown) {
    const fields: Readonly<Record<string, unknown>> = { ...Object(value) };
    const places: unknown = fields["places"];
    const facts = (Array.isArray(places) ? places : []).map((one: unknown) => factsOf({ ...Object(one) }));
    this.cover = texts(fields["cover"]);
    this.places = new Map(facts.filter((one) => one !== undefined).map((one) => [identityOf(one), one]));
    this.letters = LetterShelf.of(fields["letters"]);
    this.idsSince = numberOf(fields["idsSince"]);
  }

  /** What the record of `kind` from `at` to `end` says. */
  apply(kind: number, buffer: Buffer, at: number, end: number, sequence: number): void {
    if (kind === OWN.declared) {
      this.cover = coverOf([...this.cover, ...texts(fieldsAt(buffer, at, end)["patterns"])]);
    } else if (kind === OWN.place) {
      applyPlace(this.places, buffer, at, end);
    } else if (kind === OWN.letter) {
      const head = letterHead(buffer, at, end);
      if (head !== undefined) {
        this.letters.add(head, sequence);
      }
    } else if (kind === OWN.letters) {
      this.letters.remove(fieldsAt(buffer, at, end));
    }
  }
}

/** A state as a checkpoint has it. */
export function checkpointOf(
  cover: readonly string[],
  places: readonly PlaceFacts[],
  letters: LetterShelf,
  idsSince: number,
): unknown {
  return { version: 1, cover, places: places.map(factsFields), letters: letters.state(), idsSince };
}
