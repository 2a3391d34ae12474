/** The sampler: which traces are kept, by a share or by how important their first wave is. */

import type { Attributes, Context, Link, SpanKind } from "@opentelemetry/api";
import {
  ParentBasedSampler,
  type Sampler,
  SamplingDecision,
  type SamplingResult,
  TraceIdRatioBasedSampler,
} from "@opentelemetry/sdk-trace-base";

/** The share of traces that are kept, 0 to 1; or by amplitude: the louder the first wave, the likelier. */
export type Sampling = number | "amplitude";

/** The amplitude of the wave that a span is about. */
export const AMPLITUDE = "aether.amplitude";

/** The sampler for `sampling`. A wave of a trace that is kept is kept too, in any process. */
export function samplerOf(sampling: Sampling): Sampler {
  const root = sampling === "amplitude" ? new AmplitudeSampler() : new TraceIdRatioBasedSampler(sampling);
  return new ParentBasedSampler({ root });
}

/** Keeps a trace with the probability that its first wave's amplitude is; decided by the id, so alike everywhere. */
class AmplitudeSampler implements Sampler {
  shouldSample(
    context: Context,
    traceId: string,
    _name: string,
    _kind: SpanKind,
    attributes: Attributes,
    _links: Link[],
  ): SamplingResult {
    const amplitude = attributes[AMPLITUDE];
    if (typeof amplitude !== "number") {
      return { decision: SamplingDecision.RECORD_AND_SAMPLED };
    }
    return new TraceIdRatioBasedSampler(amplitude).shouldSample(context, traceId);
  }

  toString(): string {
    return "AmplitudeSampler";
  }
}
