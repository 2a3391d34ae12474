/** The steps of an order: a step that is taken again emits the same wave again, and a record keeps it once. */

import type { EmitOptions, Wave } from "@aether/core";

/** How a wave about `orderId` is emitted that there is once: under an id that says which one it is. */
export function step(name: string, orderId: string): EmitOptions {
  return { id: `${name}/${orderId}`, key: orderId };
}

/**
 * The same for an answer to `asked`. A record may hand a question out again, when whoever had it died: then the answer
 * is a step. A question that somebody asks once more, live, is answered once more.
 */
export function answer(name: string, asked: Wave, orderId: string): EmitOptions {
  return isKept(asked) ? step(name, orderId) : { key: orderId };
}

/** Whether `wave` comes from a record, and comes again should its handler fail or its process die. */
export function isKept({ position }: Wave): boolean {
  return position !== undefined;
}
