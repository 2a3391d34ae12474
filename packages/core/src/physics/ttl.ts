/** Lifetimes as other systems count them: an upper bound for their queues; the receiver looks again. docs/physics.md §2. */

const MS = 1000;

/** MQTT 5's Message Expiry Interval for a lifetime of `lifeMs`: whole seconds, rounded up. `undefined`: it never expires. */
export function mqttExpirySeconds(lifeMs: number): number | undefined {
  return roundedUp(lifeMs / MS);
}

/** AMQP's `expiration` for a lifetime of `lifeMs`: whole milliseconds as a text, rounded up. `undefined`: never. */
export function amqpExpiration(lifeMs: number): string | undefined {
  return roundedUp(lifeMs)?.toString();
}

/** `undefined` for what is not finite: these fields have no word for it, so they are left out. */
function roundedUp(amount: number): number | undefined {
  return Number.isFinite(amount) ? Math.ceil(Math.max(0, amount)) : undefined;
}
