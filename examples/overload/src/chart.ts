/** A curve in plain characters, which any terminal, pipe or log can show. */

/** Options of {@link chart}. */
export interface ChartOptions {
  readonly width: number;
  readonly height: number;
  /** The value at the upper edge. */
  readonly most: number;
  /** What stands at the left of each line. */
  readonly label: (value: number) => string;
}

/** `values` from left to right, each column the mean of those that fall into it, above a base line. */
export function chart(values: readonly number[], { width, height, most, label }: ChartOptions): string {
  const columns = Array.from({ length: width }, (_, at) => {
    const from = Math.floor((at * values.length) / width);
    const part = values.slice(from, Math.max(from + 1, Math.floor(((at + 1) * values.length) / width)));
    return part.reduce((sum, value) => sum + value, 0) / Math.max(1, part.length);
  });
  const lines = Array.from({ length: height }, (_, row) => {
    const above = ((height - row - 0.5) / height) * most;
    const bars = columns.map((value) => (value >= above ? "#" : " ")).join("");
    return `${label(((height - row) / height) * most)} |${bars}`.trimEnd();
  });
  return [...lines, `${" ".repeat(label(most).length)} +${"-".repeat(width)}`].join("\n");
}
