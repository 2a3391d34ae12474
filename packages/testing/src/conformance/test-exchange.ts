/** The emitter's end of a command or query, which only writes down what it is told. */

import { type Answer, type Exchange, type ReflectCause, type Refusal, systemClock, type Teller } from "@aether/core";

/** What a hearer told, by the name of the call. */
export interface Told {
  readonly what: "refused" | "admitted" | "answered" | "silent" | "returned" | "reflected";
  readonly value: Teller & Partial<Answer> & Partial<Omit<Refusal, "code">> & { readonly code?: string };
}

/** Waits for a minute, and remembers everything. */
export class TestExchange implements Exchange {
  readonly deadline: number;
  readonly over = false;
  readonly told: Told[] = [];
  /** How many groups the medium says have it. */
  groups: number | undefined;

  constructor(timeoutMs = 60_000) {
    this.deadline = systemClock.monotonic() + timeoutMs;
  }

  /** What the hearer with the instance id `byId` told, in order. */
  by(byId: string): readonly Told[] {
    return this.told.filter(({ value }) => value.byId === byId);
  }

  reached(groups: number): void {
    this.groups = groups;
  }

  refused(value: Refusal): void {
    this.told.push({ what: "refused", value });
  }

  admitted(value: Teller): void {
    this.told.push({ what: "admitted", value });
  }

  answered(value: Answer): void {
    this.told.push({ what: "answered", value });
  }

  silent(value: Teller): void {
    this.told.push({ what: "silent", value });
  }

  returned(value: Refusal): void {
    this.told.push({ what: "returned", value });
  }

  reflected(value: ReflectCause): void {
    this.told.push({ what: "reflected", value });
  }

  onOver(): () => void {
    return () => {};
  }
}
