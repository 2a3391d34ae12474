/** What a stream answers to a wave: that it is kept, and where, or why it is not. */

/** One answer. */
export interface PubAck {
  /** Number of the wave in the stream; 0: it is not kept. */
  readonly sequence: number;
  /** Whether it had been kept before. */
  readonly duplicate: boolean;
  /** Why it is not kept, as the server says. */
  readonly error: string;
  /** Number of that reason. */
  readonly code: number;
}

const SEQUENCE = '"seq":';

/** The answer that `data` is; `undefined`: it is none. */
export function pubAckOf(data: Uint8Array): PubAck | undefined {
  const text = Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("latin1");
  const at = text.indexOf(SEQUENCE);
  if (at > 0 && !text.includes('"error"')) {
    const sequence = digitsAt(text, at + SEQUENCE.length);
    return sequence > 0 ? { sequence, duplicate: text.includes('"duplicate"'), error: "", code: 0 } : undefined;
  }
  return refusal(text);
}

function digitsAt(text: string, from: number): number {
  let value = 0;
  for (let at = from; at < text.length; at++) {
    const digit = text.charCodeAt(at) - 48;
    if (digit >= 0 && digit <= 9) {
      value = value * 10 + digit;
    } else if (value > 0) {
      break;
    }
  }
  return value;
}

function refusal(text: string): PubAck | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const error: unknown = typeof value === "object" && value !== null ? Reflect.get(value, "error") : undefined;
  if (typeof error !== "object" || error === null) {
    return undefined;
  }
  const code: unknown = Reflect.get(error, "err_code");
  const description: unknown = Reflect.get(error, "description");
  return {
    sequence: 0,
    duplicate: false,
    error: typeof description === "string" ? description : "it does not say why",
    code: typeof code === "number" ? code : 0,
  };
}
