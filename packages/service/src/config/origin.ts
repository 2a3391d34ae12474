/** Where a value comes from: the layer, and the line, variable or flag in it. */

/** The layers, in the order in which later ones win. */
export type LayerName = "built-in" | "default" | "overlay" | "service" | "file" | "environment" | "flag";

/** A place inside a layer. */
export interface Place {
  /** A file, as a path from the working directory where it lies below that. */
  readonly file?: string | undefined;
  /** Line in the file, counted from 1. */
  readonly line?: number | undefined;
  /** A variable of the environment. */
  readonly variable?: string | undefined;
  readonly flag?: string | undefined;
}

/** Where a value was set; prints as `config/default.toml:12`, `AETHER__SERVICE__TIMEOUT_MS` or the like. */
export class Origin implements Place {
  readonly layer: LayerName;
  readonly file: string | undefined;
  readonly line: number | undefined;
  readonly variable: string | undefined;
  readonly flag: string | undefined;

  constructor(layer: LayerName, { file, line, variable, flag }: Place = {}) {
    this.layer = layer;
    this.file = file;
    this.line = line;
    this.variable = variable;
    this.flag = flag;
    Object.freeze(this);
  }

  toString(): string {
    const { file, line, variable, flag } = this;
    if (file !== undefined) {
      return line === undefined ? file : `${file}:${line}`;
    }
    return variable ?? (flag === undefined ? "built-in default" : `flag ${flag}`);
  }
}
