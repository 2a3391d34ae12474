/** Whether a change of a key makes services easier to attack; such a change is not made while they run. */

import { addressesIn } from "./kinds.ts";

/** Whether the step from one value to the other is one towards less security. */
export type Weakens = (from: unknown, to: unknown) => boolean;

/** A protection that was on is off. */
export const switchedOff: Weakens = (from, to) => from === true && to !== true;

/** A door that was shut is open. */
export const opened: Weakens = (from, to) => from !== true && to === true;

/** A credential, or an authority that vouches, is gone. */
export const lost: Weakens = (from, to) => from !== undefined && to === undefined;

/** Something begins to be sent to a place that nothing was sent to before. */
export const added: Weakens = (from, to) => to !== undefined && from !== to;

/** A list of those who are allowed names somebody it did not name before, or is gone, which allows everybody. */
export const widened: Weakens = (from, to) =>
  Array.isArray(from) && (!Array.isArray(to) || to.some((one) => !from.includes(one)));

/** TLS is no longer asked for by every address. */
export const unencrypted: Weakens = (from, to) => allSecure(from) && !allSecure(to);

function allSecure(value: unknown): boolean {
  return typeof value === "string" && addressesIn(value).every((address) => address.startsWith("tls://"));
}

/** A listener that only this machine could reach can be reached by others. */
export const reachable: Weakens = (from, to) => isLoopback(from) && !isLoopback(to);

/** Whether `value`, a `host:port`, can be reached from this machine only. */
export function isLoopback(value: unknown): boolean {
  if (typeof value !== "string") {
    return false;
  }
  const host = value.slice(0, value.lastIndexOf(":"));
  return host === "localhost" || host === "[::1]" || /^127(?:\.\d{1,3}){3}$/.test(host);
}
