/** What is done when a handling has ended that takes its time; the value or the error goes on as it came. */

export function ended(
  result: Promise<unknown>,
  onDone: (value: unknown) => void,
  onFailed: (error: unknown) => void,
): Promise<unknown> {
  return result.then(
    (value) => {
      onDone(value);
      return value;
    },
    (error: unknown) => {
      onFailed(error);
      throw error;
    },
  );
}
