/** Interceptors: functions around every emit and every handling, in the order they were registered. */

import { expected } from "../errors.ts";
import type { Presence } from "../medium/medium.ts";
import type { Channel } from "../wave/channel.ts";
import type { Wave } from "../wave/wave.ts";
import type { EmitOptions, QueryOptions } from "./options.ts";
import type { HandlerContext } from "./receiving/handling.ts";

/** A wave that is about to be emitted. */
export interface Draft {
  readonly channel: string;
  /** The contract, where one was given. */
  readonly contract: Channel | undefined;
  readonly kind: "event" | "broadcast" | "command" | "query";
  readonly payload: unknown;
  readonly options: EmitOptions & QueryOptions;
  /** Name of the vibrator. */
  readonly source: string;
  /** The wave being handled where this one is emitted. */
  readonly cause: Wave | undefined;
}

/** What handles waves of one resonance: gives a value, throws, or gives a promise. */
export type Handle = (wave: Wave, ctx: HandlerContext) => unknown;

/** Code around waves: tracing, upgrades, idempotency, tenants. Each function must call `next` to let the wave pass. */
export interface Interceptor {
  /** The kinds of waves around whose emits it stands; emits of others cost nothing. Default: all. */
  readonly kinds?: readonly Draft["kind"][];
  /**
   * Around `emit`, `query` and `gather`. `next` takes the draft, or a changed copy of it, and resolves to what the
   * caller will get: a receipt, or the response of a query.
   */
  readonly emit?: <R>(draft: Draft, next: (draft: Draft) => Promise<R>) => Promise<R>;
  /**
   * Around each handler of a resonance; those of observers, who only look, are let alone. `next` takes the wave, or a
   * changed copy of it, and resolves to what the handler returned. `receiver` is the resonance.
   */
  readonly handle?: (
    wave: Wave,
    ctx: HandlerContext,
    next: (wave: Wave) => Promise<unknown>,
    receiver: Presence,
  ) => unknown;
  /**
   * The same without a promise for each wave, in place of `handle`: gets what handles the waves of `receiver`, and gives
   * what does so instead of it. What a handler does at once is then over at once: `handle` gives its value, or throws;
   * a promise comes from those that take their time. It takes the wave, or a changed copy, and `ctx` as it came. Called
   * once for each resonance, and again when interceptors come or go: what is to be remembered is kept outside.
   */
  readonly around?: (handle: Handle, receiver: Presence) => Handle;
}

/** The interceptors of one aether. */
export class Interceptors {
  #entries: readonly { readonly interceptor: Interceptor }[] = [];
  /** Whether anything stands around any emits, and around handlers. */
  emits = false;
  handles = false;
  #emit: Readonly<Record<Draft["kind"], readonly Interceptor[]>> = { event: [], broadcast: [], command: [], query: [] };
  #handle: readonly Interceptor[] = [];

  /** Whether anything stands around emits of `kind`. */
  around(kind: Draft["kind"]): boolean {
    return this.emits && this.#emit[kind].length > 0;
  }

  /** Adds `interceptor` behind those that are there; returns the undo. */
  use(interceptor: Interceptor): () => void {
    // An entry of its own, so that an interceptor that is used twice can be taken out once.
    const entry = { interceptor };
    this.#entries = [...this.#entries, entry];
    this.#sort();
    return () => {
      this.#entries = this.#entries.filter((other) => other !== entry);
      this.#sort();
    };
  }

  #sort(): void {
    const all = this.#entries.map(({ interceptor }) => interceptor);
    const around = (kind: Draft["kind"]): readonly Interceptor[] =>
      all.filter(({ emit, kinds }) => emit !== undefined && kinds?.includes(kind) !== false);
    this.#emit = {
      event: around("event"),
      broadcast: around("broadcast"),
      command: around("command"),
      query: around("query"),
    };
    const handle = all.filter((interceptor) => interceptor.handle !== undefined || interceptor.around !== undefined);
    if (handle.length !== this.#handle.length || handle.some((interceptor, at) => interceptor !== this.#handle[at])) {
      this.#handle = handle;
    }
    this.emits = all.some(({ emit }) => emit !== undefined);
    this.handles = this.#handle.length > 0;
  }

  /** Lets `draft` pass through all, and then `last`. */
  emit<R>(draft: Draft, last: (draft: Draft) => Promise<R>): Promise<R> {
    const chain = this.#emit[draft.kind];
    const step = (at: number, current: Draft): Promise<R> => {
      if (typeof current !== "object" || current === null) {
        throw expected("draft", "what the interceptor was given, or a changed copy, passed to `next`", current);
      }
      const interceptor = chain[at];
      return interceptor?.emit === undefined
        ? last(current)
        : interceptor.emit(current, (next) => promised(() => step(at + 1, next)));
    };
    return promised(() => step(0, draft));
  }

  /** What stands around handlers: another array whenever that has changed. */
  get handling(): readonly Interceptor[] {
    return this.#handle;
  }

  /** `last` with all of them around it, for the waves of `receiver`. */
  wrapped(last: Handle, receiver: Presence): Handle {
    return this.#handle.reduceRight((inner, interceptor) => aroundOf(interceptor, inner, receiver), last);
  }
}

function aroundOf({ handle, around }: Interceptor, inner: Handle, receiver: Presence): Handle {
  if (around !== undefined) {
    return around(inner, receiver);
  }
  if (handle === undefined) {
    return inner;
  }
  return (wave, ctx) => promised(() => handle(wave, ctx, (passed) => promised(() => inner(passed, ctx)), receiver));
}

/** What `work` gives, as a promise; what it throws rejects. An async function would take three more turns to hand one on. */
function promised<T>(work: () => T | Promise<T>): Promise<T> {
  try {
    return Promise.resolve(work());
  } catch (error) {
    return Promise.reject(error);
  }
}
