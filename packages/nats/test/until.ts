/** Waiting for what a test expects to happen on the other side of a server. */

const PATIENCE_MS = 5000;

/** Resolves once `condition` holds; rejects when it does not within five seconds, or `patienceMs`. */
export async function until(
  condition: () => boolean,
  what: string = String(condition),
  patienceMs: number = PATIENCE_MS,
): Promise<void> {
  const givenUpAt = performance.now() + patienceMs;
  while (!condition()) {
    if (performance.now() > givenUpAt) {
      throw new Error(`Expected within ${patienceMs} ms: ${what}`);
    }
    await new Promise<void>((resolve) => void setTimeout(resolve, 1));
  }
}
