/** Traces that are not kept: their waves carry on that they are not, and no span is made of them. */

import { type Context, ROOT_CONTEXT, SpanKind, TraceFlags, trace } from "@opentelemetry/api";
import { type IdGenerator, RandomIdGenerator, type Sampler, SamplingDecision } from "@opentelemetry/sdk-trace-base";
import { AMPLITUDE } from "./sampler.ts";

/** The W3C context of a trace that is not kept: its last digit is even. */
const UNKEPT = /^00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f][02468ace]$/;

type Headers = Readonly<Record<string, string>>;

/** Those of `headers` that say that a trace is not kept; `undefined`: it is kept, or there is none. */
export function unkept(headers: Headers): Headers | undefined {
  const { traceparent, tracestate } = headers;
  if (traceparent === undefined || !UNKEPT.test(traceparent)) {
    return undefined;
  }
  return tracestate === undefined ? { traceparent } : { traceparent, tracestate };
}

/** The context in which a wave of such a trace is handled, where spans of one's own are not kept either; else `undefined`. */
export function unkeptContext({ traceparent }: Headers): Context | undefined {
  const [, traceId, spanId] = (traceparent !== undefined && UNKEPT.exec(traceparent)) || [];
  return traceId === undefined || spanId === undefined
    ? undefined
    : trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags: TraceFlags.NONE, isRemote: true });
}

/** Decides on traces before anything is made of them. Spans get their ids from it, so that the decision holds. */
export class Beginnings implements IdGenerator {
  readonly #ids = new RandomIdGenerator();
  readonly #sampler: Sampler;
  #next: string | undefined;

  constructor(sampler: Sampler) {
    this.#sampler = sampler;
  }

  generateTraceId(): string {
    const traceId = this.#next ?? this.#ids.generateTraceId();
    this.#next = undefined;
    return traceId;
  }

  generateSpanId(): string {
    return this.#ids.generateSpanId();
  }

  /** Headers for a wave that begins a trace which is not kept; `undefined`: the span that is made next begins one that is. */
  unkept(amplitude: number | undefined): Headers | undefined {
    const traceId = this.#ids.generateTraceId();
    const attributes = amplitude === undefined ? {} : { [AMPLITUDE]: amplitude };
    const { decision } = this.#sampler.shouldSample(ROOT_CONTEXT, traceId, "send", SpanKind.PRODUCER, attributes, []);
    if (decision === SamplingDecision.NOT_RECORD) {
      return { traceparent: `00-${traceId}-${this.#ids.generateSpanId()}-00` };
    }
    this.#next = traceId;
    return undefined;
  }
}
