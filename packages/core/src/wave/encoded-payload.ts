/** A payload as it came over a network: it is decoded when somebody looks at it, and so after the noise floor. */

/** Bytes that stand for a payload of type `P`. */
export abstract class EncodedPayload<P = unknown> {
  /** What the bytes say. Throws `AETHER_BAD_PAYLOAD` when they say nothing. */
  abstract decode(): P;
}
