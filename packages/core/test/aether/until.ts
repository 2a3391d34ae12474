/** Waiting for what a test expects to happen, and for what it lets happen by hand. */

/** Resolves once `condition` holds; rejects when it does not within twenty seconds. */
export async function until(condition: () => boolean): Promise<void> {
  const givenUpAt = performance.now() + 20_000;
  while (!condition()) {
    if (performance.now() > givenUpAt) {
      throw new Error(`Expected ${condition} to become true within 20 s`);
    }
    await new Promise<void>((resolve) => void setImmediate(resolve));
  }
}

/** A promise that a test opens by hand. */
export class Gate {
  open: () => void = () => {};
  readonly passed: Promise<void> = new Promise((resolve) => {
    this.open = resolve;
  });
}

/** Never settles. */
export const never: Promise<never> = new Promise(() => {});

/** What `promise` rejects with; fails when it resolves. */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  let value: unknown;
  try {
    value = await promise;
  } catch (error) {
    return error;
  }
  throw new Error(`Expected a rejection, got ${String(value)}`);
}
