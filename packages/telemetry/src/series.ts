/** Series: how many label sets a metric may have. What is over the cap goes into one set, `other`, and is counted. */

export const OTHER = "other";

/** The label sets of one metric. */
export class Series {
  readonly #most: number;
  readonly #known = new Set<string>();
  readonly #onOverflow: () => void;

  /** `onOverflow` is called for each set that had to go into `other`. */
  constructor(most: number, onOverflow: () => void) {
    this.#most = most;
    this.#onOverflow = onOverflow;
  }

  /** `values`, or `other` for each of them when there are too many sets. */
  of(values: readonly string[]): readonly string[] {
    const key = values.join("\u0000");
    if (this.#known.has(key)) {
      return values;
    }
    if (this.#known.size < this.#most) {
      this.#known.add(key);
      return values;
    }
    this.#onOverflow();
    return values.map(() => OTHER);
  }
}
