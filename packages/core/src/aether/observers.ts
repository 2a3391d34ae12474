/** What an aether tells those who look on: one event for every exit from the street. It costs nothing when nobody looks. */

import { expected } from "../errors.ts";
import type { ReflectCode } from "../wave/exchange.ts";
import type { Wave } from "../wave/wave.ts";
import type { AbsorbReason, Load } from "./stats.ts";

/** A wave, by its id and channel, and the wave itself. */
export interface WaveEvent {
  readonly id: string;
  readonly channel: string;
  readonly wave: Wave;
}

/** What became of a wave at one resonance. */
export interface ReceiverEvent extends WaveEvent {
  /** Name of the receiving vibrator. */
  readonly vibrator: string;
  /** Pattern of the resonance. */
  readonly pattern: string;
}

/** Every event, by its name. */
export interface AetherEvents {
  emitted: WaveEvent & { readonly outcome: "travelled" | "faded" | "exhausted"; readonly heard?: number | undefined };
  delivered: ReceiverEvent;
  /** Without id, channel and wave for what was `malformed` so badly that it was no wave. */
  absorbed: Omit<ReceiverEvent, keyof WaveEvent> & Partial<WaveEvent> & { readonly reason: AbsorbReason };
  failed: ReceiverEvent & { readonly error: unknown; readonly attempt: number; readonly willRetry: boolean };
  /** It failed for good and became the dead letter of the id `letter`; `attempts` 0: its payload broke the schema. */
  dead: ReceiverEvent & {
    readonly error: unknown;
    readonly group: string | false;
    readonly name: string;
    readonly attempts: number;
    readonly letter: string;
  };
  reflected: WaveEvent & { readonly code: ReflectCode; readonly by: string; readonly message: string };
  annihilated: ReceiverEvent;
  coalesced: ReceiverEvent;
  /** A wave was taken after it went around other members of the group: `around` names them, one a bend. */
  diffracted: ReceiverEvent & { readonly around: readonly string[]; readonly bends: number };
  /** An adaptive noise floor has moved. */
  floor: { readonly vibrator: string; readonly pattern: string } & Load;
  connected: { readonly medium: string };
  disconnected: { readonly medium: string; readonly reason: unknown };
  /** An inbox became more than half full. */
  slow: { readonly vibrator: string; readonly pattern: string; readonly queued: number };
  /** A chain of waves reached the hop limit. */
  loop: WaveEvent & { readonly hops: number };
}

export type EventName = keyof AetherEvents;

/** Those who listen to one event. */
class Audience<Event> {
  #listeners: readonly ((event: Event) => void)[] = [];

  /** Whether anybody listens: asked before an event is made. */
  listens = false;

  /** Adds a listener; returns the undo. */
  add(listener: (event: Event) => void): () => void {
    // Wrapped, so that a function that is added twice can be taken out once.
    const own = (event: Event): void => listener(event);
    this.#listeners = [...this.#listeners, own];
    this.listens = true;
    return () => {
      this.#listeners = this.#listeners.filter((other) => other !== own);
      this.listens = this.#listeners.length > 0;
    };
  }

  tell(event: Event): void {
    for (const listener of this.#listeners) {
      guarded(listener, event);
    }
  }
}

type Audiences = { readonly [E in EventName]: Audience<AetherEvents[E]> };

/** Everybody who looks on, by event. */
export class Observers implements Audiences {
  readonly emitted: Audiences["emitted"] = new Audience();
  readonly delivered: Audiences["delivered"] = new Audience();
  readonly absorbed: Audiences["absorbed"] = new Audience();
  readonly failed: Audiences["failed"] = new Audience();
  readonly dead: Audiences["dead"] = new Audience();
  readonly reflected: Audiences["reflected"] = new Audience();
  readonly annihilated: Audiences["annihilated"] = new Audience();
  readonly coalesced: Audiences["coalesced"] = new Audience();
  readonly diffracted: Audiences["diffracted"] = new Audience();
  readonly floor: Audiences["floor"] = new Audience();
  readonly connected: Audiences["connected"] = new Audience();
  readonly disconnected: Audiences["disconnected"] = new Audience();
  readonly slow: Audiences["slow"] = new Audience();
  readonly loop: Audiences["loop"] = new Audience();

  /** Calls `listener` at every `event`; returns the undo. Throws `AETHER_BAD_OPTION` for an unknown event. */
  on<E extends EventName>(event: E, listener: (event: AetherEvents[E]) => void): () => void {
    if (!Object.hasOwn(this, event)) {
      throw expected("event", `one of ${Object.keys(this).join(", ")}`, event);
    }
    if (typeof listener !== "function") {
      throw expected("listener", "a function", listener);
    }
    return audienceOf(this, event).add(listener);
  }
}

function audienceOf<E extends EventName>(audiences: Audiences, event: E): Audience<AetherEvents[E]> {
  return audiences[event];
}

/** Calls a function of the user that only looks on: what it throws is an uncaught error of its own, and stops nobody. */
export function guarded<T>(listener: (value: T) => void, value: T): void {
  try {
    listener(value);
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
