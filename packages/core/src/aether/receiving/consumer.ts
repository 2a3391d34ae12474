/** The far end of a resonance: what takes waves out of its inbox. */

import type { Wave } from "../../wave/wave.ts";

/** Takes waves out of an inbox: with a handler, or for iterators. */
export interface Consumer {
  /** Something is in the inbox. */
  wake(): void;
  /** As `Listener.receiveRun`. */
  receiveRun(waves: readonly Wave[], from: number, to: number, mayHandle: boolean): void;
  /** Waves that it has taken from the medium, and that are neither in the inbox nor delivered. */
  readonly held: number;
  /** Handlers at work. */
  readonly running: number;
  pause(): void;
  resume(): void;
  /** Finishes what was heard, at most until `deadlineMs` from now; the rest is absorbed. Nothing is heard after it. */
  drain(deadlineMs: number): Promise<void>;
}
