/** Observability of Aether: observers of core, which core knows nothing of. */

export { createLogger, LOG_LEVELS, type Logger, type LoggerOptions, type LogLevel } from "./logger.ts";
export { type Metrics, type MetricsOptions, prometheus } from "./prometheus.ts";
export type { Sampling } from "./sampler.ts";
export { type Tracing, type TracingOptions, tracing } from "./tracing.ts";
