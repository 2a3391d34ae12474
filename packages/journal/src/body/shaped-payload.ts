/** Payloads that were written by their shapes: they are made when somebody looks. docs/journal-format.md. */

import { AetherError, EncodedPayload } from "@aether/core";
import { isSame, viewOf } from "../log/slab.ts";
import { Malformed } from "./scanner.ts";
import { readShape } from "./shape.ts";
import { ShapedValues } from "./shaped-values.ts";

const MOST_SHAPES = 1024;
const LENGTH_BYTES = 2;
/** Values up to here are made at once: it takes hardly longer than to copy them for later. */
const SMALL_BYTES = 512;

/** Finds shapes in what is read, and remembers the last ones. */
export class ShapeTable {
  readonly #shapes = new Map<string, ShapedValues>();
  #latestText: DataView = viewOf(Buffer.alloc(0));
  #latest: ShapedValues | undefined;

  /**
   * The payload in the bytes of `buffer`, which `view` shows as well, from `at` to `end`; `undefined`: they have no shape
   * in front. It keeps nothing of the buffer.
   */
  payload(
    buffer: Buffer,
    view: DataView,
    at: number,
    end: number,
  ): { readonly payload: unknown } | EncodedPayload | undefined {
    const shapeAt = at + LENGTH_BYTES;
    const valuesAt = shapeAt <= end ? shapeAt + view.getUint16(at, true) : end + 1;
    const shape = valuesAt <= end ? this.#shapeIn(buffer, view, shapeAt, valuesAt) : undefined;
    if (shape === undefined) {
      return undefined;
    }
    if (end - valuesAt <= SMALL_BYTES) {
      try {
        return { payload: shape.read(buffer, view, valuesAt, end) };
      } catch {
        // It is told to whoever looks at it.
      }
    }
    return new ShapedPayload(shape, Buffer.from(buffer.subarray(valuesAt, end)));
  }

  #shapeIn(buffer: Buffer, view: DataView, at: number, end: number): ShapedValues | undefined {
    if (isSame(this.#latestText, view, at, end - at)) {
      return this.#latest;
    }
    const text = buffer.toString("latin1", at, end);
    try {
      const shape = this.#shapes.get(text) ?? new ShapedValues(readShape(text));
      if (this.#shapes.size >= MOST_SHAPES) {
        this.#shapes.clear();
      }
      this.#shapes.set(text, shape);
      this.#latestText = viewOf(Buffer.from(text, "latin1"));
      this.#latest = shape;
      return shape;
    } catch (error) {
      if (error instanceof Malformed) {
        return undefined;
      }
      throw error;
    }
  }
}

/** A shape, and the values that fill it. */
class ShapedPayload extends EncodedPayload {
  readonly #shape: ShapedValues;
  readonly #values: Buffer;

  constructor(shape: ShapedValues, values: Buffer) {
    super();
    this.#shape = shape;
    this.#values = values;
  }

  decode(): unknown {
    const values = this.#values;
    try {
      return this.#shape.read(values, viewOf(values), 0, values.length);
    } catch (cause) {
      throw new AetherError("AETHER_BAD_PAYLOAD", "Expected the values of a shape, got something else", { cause });
    }
  }
}
