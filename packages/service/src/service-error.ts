/** What went wrong in one of several services, told with its name. */

import { AetherError } from "@aether/core";

/** `cause` under a message that names the service; of the same code and retryable where it is an `AetherError`. */
export function serviceError(service: string, what: string, cause: unknown): Error {
  const message = `Service "${service}" ${what}: ${cause instanceof Error ? cause.message : String(cause)}`;
  if (cause instanceof AetherError) {
    const { code, retryable } = cause;
    return new AetherError(code, message, { cause, retryable, details: { ...cause.details, service } });
  }
  return new Error(message, { cause });
}
