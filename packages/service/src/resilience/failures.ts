/** Failures: which of them may pass if it is tried again, and which say that a backend is in trouble. */

import { AetherError, type Draft, UnrecoverableError } from "@aether/core";

/** Codes that come from the policies themselves: another try would only meet them again. */
const OWN: ReadonlySet<string> = new Set(["AETHER_CIRCUIT_OPEN", "AETHER_BUSY"]);
/** Codes after which nobody knows whether a command was taken. */
const UNSURE: ReadonlySet<string> = new Set(["AETHER_TIMEOUT", "AETHER_UNCERTAIN"]);
/** Codes that tell of how loud the wave was, and not of the backend. */
const QUIET: ReadonlySet<string> = new Set(["AETHER_SHED", "AETHER_FADED"]);

/** Whether the same call may succeed a little later. */
export function mayPass(error: unknown): boolean {
  if (error instanceof AetherError) {
    return error.retryable && !OWN.has(error.code);
  }
  return !(error instanceof UnrecoverableError);
}

/** Whether a wave that was refused with `error` may be emitted again: a command only if nobody can have taken it. */
export function mayRepeat({ kind }: Draft, error: unknown): boolean {
  const isUnsure = kind === "command" && error instanceof AetherError && UNSURE.has(error.code);
  return mayPass(error) && !isUnsure;
}

/** Whether `error` is a sign that who was asked is in trouble. */
export function isTrouble(error: unknown): boolean {
  return mayPass(error) && !(error instanceof AetherError && QUIET.has(error.code));
}

/** Whether the time was over, and not the wish. */
export function isTimeout(error: unknown): boolean {
  return error instanceof AetherError && error.code === "AETHER_TIMEOUT";
}
