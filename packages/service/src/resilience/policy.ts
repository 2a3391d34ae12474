/** Policies: what stands around calls that may fail. Each is an interceptor, and can be put around any other work, too. */

import type { Draft, Interceptor } from "@aether/core";

/** Goes to `aether.use`, or around work of one's own. */
export interface Policy extends Interceptor {
  /** Does `work` under the policy. `key` is what failures are counted by, such as the name of a backend. */
  execute<T>(work: (signal: AbortSignal) => Promise<T>, options?: ExecuteOptions): Promise<T>;
}

export interface ExecuteOptions {
  readonly key?: string | undefined;
  /** Ends the waiting, and is passed on to the work. */
  readonly signal?: AbortSignal | undefined;
}

/** The key of work that names none. */
export const NO_KEY = "";

/** What somebody waits for: policies of asking stand around nothing else. */
export const ASKING: readonly Draft["kind"][] = ["command", "query"];

export function asks({ kind }: Draft): boolean {
  return kind === "query" || kind === "command";
}

/** Options that may change while the policy is in use: asked for at every call. */
export type Live<O> = O | (() => O);

export function nowOf<O extends object>(options: Live<O>): O {
  return typeof options === "function" ? options() : options;
}

/** Monotonic milliseconds. */
export type Now = () => number;

export const systemNow: Now = () => performance.now();
