/** Tracing: spans of OpenTelemetry for every emit and handling, joined across processes by W3C context in the waves. */

import { type Aether, AetherError, type Draft, type Wave } from "@aether/core";
import {
  type Context,
  context as contexts,
  defaultTextMapGetter,
  defaultTextMapSetter,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from "@opentelemetry/api";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { defaultResource, resourceFromAttributes } from "@opentelemetry/resources";
import { BasicTracerProvider, BatchSpanProcessor, type SpanExporter } from "@opentelemetry/sdk-trace-base";
import { AMPLITUDE, type Sampling, samplerOf } from "./sampler.ts";
import { Beginnings, unkept, unkeptContext } from "./unkept.ts";

/** Options of {@link tracing}. */
export interface TracingOptions {
  /** Name of the service in the traces. */
  readonly serviceName: string;
  /** Base URL of an OTLP/HTTP collector, such as `http://127.0.0.1:4318`. */
  readonly endpoint?: string | undefined;
  /** Where spans go instead of an `endpoint`. */
  readonly exporter?: SpanExporter | undefined;
  /** Which traces are kept. Default 1: all. */
  readonly sampling?: Sampling | undefined;
  /** Milliseconds between two exports. Default 1000. */
  readonly exportEveryMs?: number | undefined;
}

/** Tracing that is on. */
export interface Tracing {
  /** For spans of one's own; those made in a handler belong to its trace. */
  readonly tracer: Tracer;
  /** The context of the wave, which spans of one's own may take as parent. */
  contextOf(wave: Wave): Context;
  /** Resolves when everything that has ended is exported. */
  flush(): Promise<void>;
  /** Stops tracing, and exports what has ended. */
  close(): Promise<void>;
}

const EXPORT_EVERY_MS = 1000;
const propagator = new W3CTraceContextPropagator();

/** Traces every emit and handling of `aether` from now on. Throws `AETHER_BAD_OPTION`. */
export function tracing(aether: Aether, options: TracingOptions): Tracing {
  const { serviceName, sampling = 1, exportEveryMs = EXPORT_EVERY_MS } = options;
  if (typeof sampling === "number" ? !(sampling >= 0 && sampling <= 1) : sampling !== "amplitude") {
    throw new AetherError("AETHER_BAD_OPTION", `Expected \`sampling\` to be 0 to 1 or "amplitude", got ${sampling}`);
  }
  const processor = new BatchSpanProcessor(exporterOf(options), { scheduledDelayMillis: exportEveryMs });
  const sampler = samplerOf(sampling);
  const beginnings = new Beginnings(sampler);
  const provider = new BasicTracerProvider({
    resource: defaultResource().merge(resourceFromAttributes({ "service.name": serviceName })),
    idGenerator: beginnings,
    sampler,
    spanProcessors: [processor],
  });
  const tracer = provider.getTracer("@aether/telemetry");
  /** Contexts of the waves that are being handled here: what their handlers emit belongs to them. */
  const handled = new WeakMap<Wave, Context>();
  const contextOf = (wave: Wave): Context => handled.get(wave) ?? extracted(wave);
  const forget = aether.use({
    emit: (draft, next) => {
      const headers = unkeptHeaders(draft, beginnings);
      return headers === undefined
        ? emitted(tracer, draft, parentOf(draft, contextOf), next)
        : next({ ...draft, options: { ...draft.options, headers } });
    },
    around: (handle) => (wave, ctx) => {
      const without = unkeptContext(wave.headers);
      if (without !== undefined) {
        return contexts.with(without, () => handle(wave, ctx));
      }
      const span = tracer.startSpan(
        `process ${wave.channel}`,
        { kind: SpanKind.CONSUMER, attributes: attributesOf("process", wave) },
        extracted(wave),
      );
      const context = trace.setSpan(ROOT_CONTEXT, span);
      handled.set(wave, context);
      let result: unknown;
      try {
        result = contexts.with(context, () => handle(wave, ctx));
      } catch (error) {
        failed(span, error);
        throw error;
      }
      if (result instanceof Promise) {
        result.then(
          () => span.end(),
          (error: unknown) => failed(span, error),
        );
      } else {
        span.end();
      }
      return result;
    },
  });
  return {
    tracer,
    contextOf,
    flush: () => provider.forceFlush(),
    async close() {
      forget();
      await provider.shutdown();
    },
  };
}

function exporterOf({ endpoint, exporter }: TracingOptions): SpanExporter {
  if (exporter !== undefined) {
    return exporter;
  }
  if (endpoint === undefined || !URL.canParse(endpoint)) {
    throw new AetherError(
      "AETHER_BAD_OPTION",
      `Expected \`endpoint\` to be the URL of an OTLP/HTTP collector, such as "http://127.0.0.1:4318", got ${JSON.stringify(endpoint)}`,
    );
  }
  return new OTLPTraceExporter({ url: new URL("v1/traces", endpoint.endsWith("/") ? endpoint : `${endpoint}/`).href });
}

/** The context that an emit belongs to: that of the wave being handled, else whatever is active. */
function parentOf({ cause }: Draft, contextOf: (wave: Wave) => Context): Context {
  const active = contexts.active();
  return cause === undefined || trace.getSpan(active) !== undefined ? active : contextOf(cause);
}

/** The headers of a wave whose trace is not kept; `undefined`: it is, or whatever is active decides. */
function unkeptHeaders({ cause, contract, options }: Draft, beginnings: Beginnings): Draft["options"]["headers"] {
  if (trace.getSpan(contexts.active()) !== undefined) {
    return undefined;
  }
  const headers = cause === undefined ? beginnings.unkept(amplitudeOf(contract, options)) : unkept(cause.headers);
  return headers && { ...options.headers, ...headers };
}

/** As a number, where it is given as one. */
function amplitudeOf(contract: Draft["contract"], options: Draft["options"]): number | undefined {
  const amplitude = options.amplitude ?? contract?.amplitude;
  return typeof amplitude === "number" ? amplitude : undefined;
}

async function emitted<R>(
  tracer: Tracer,
  draft: Draft,
  parent: Context,
  next: (draft: Draft) => Promise<R>,
): Promise<R> {
  const { channel, kind, contract, options } = draft;
  const asks = kind === "query";
  const amplitude = amplitudeOf(contract, options);
  const span = tracer.startSpan(
    `${asks ? "query" : "send"} ${channel}`,
    {
      kind: asks ? SpanKind.CLIENT : SpanKind.PRODUCER,
      attributes: {
        "messaging.system": "aether",
        "messaging.operation.type": "send",
        "messaging.destination.name": channel,
        "aether.kind": kind,
        ...(amplitude === undefined ? {} : { [AMPLITUDE]: amplitude }),
      },
    },
    parent,
  );
  const headers: Record<string, string> = { ...options.headers };
  propagator.inject(trace.setSpan(parent, span), headers, defaultTextMapSetter);
  return await within(span, () => next({ ...draft, options: { ...options, headers } }));
}

/** Runs `work` as what `span` is about. */
async function within<R>(span: Span, work: () => Promise<R>): Promise<R> {
  try {
    const result = await work();
    span.end();
    return result;
  } catch (error) {
    failed(span, error);
    throw error;
  }
}

/** What `span` is about has failed with `error`. */
function failed(span: Span, error: unknown): void {
  try {
    const message = error instanceof Error ? error.message : String(error);
    span.recordException(error instanceof Error ? error : message);
    span.setStatus({ code: SpanStatusCode.ERROR, message });
  } catch {
    // It throws when it is looked at: all that can be said is that it failed.
    span.setStatus({ code: SpanStatusCode.ERROR });
  }
  span.end();
}

function extracted(wave: Wave): Context {
  return propagator.extract(ROOT_CONTEXT, wave.headers, defaultTextMapGetter);
}

function attributesOf(operation: string, wave: Wave): Record<string, string | number> {
  return {
    "messaging.system": "aether",
    "messaging.operation.type": operation,
    "messaging.destination.name": wave.channel,
    "messaging.message.id": wave.id,
    "aether.kind": wave.kind,
    "aether.hops": wave.hops,
    [AMPLITUDE]: wave.amplitude,
  };
}
