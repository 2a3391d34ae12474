/** Waiting, in a drain, for the dead letters that are being stored. */

import type { Deadlines } from "../deadlines.ts";
import type { Delivery } from "../receiving/delivery.ts";

/** Resolves when every dead letter of `delivery` is stored, or after `patienceMs`. */
export async function buried(delivery: Delivery, deadlines: Deadlines, patienceMs: number): Promise<void> {
  const storing = delivery.buried();
  if (storing !== undefined && patienceMs > 0) {
    await deadlines.within(patienceMs, (done) => void storing.then(done));
  }
}
