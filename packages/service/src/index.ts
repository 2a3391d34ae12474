/** Everything that `@aether/service` gives out. */

export type {
  AetherSection,
  Config,
  LoggingSection,
  LogLevel,
  ObservabilitySection,
  OperationsSection,
  ResourceMonitoringSection,
  ServiceSection,
} from "./config/config.ts";
export { type Loaded, type LoadedWith, type LoadOptions, loadConfig } from "./config/load-config.ts";
export { mediumChoiceOf } from "./config/medium-choice-of.ts";
export { aetherOptionsOf, queryOptionsOf, vibratorOptionsOf } from "./config/options-of.ts";
export { type ConfigWith, type SettingsSchema, secretSetting } from "./config/own-settings.ts";
export type { LayerName, Origin, Place } from "./config/origin.ts";
export type { Change, Reload } from "./config/reload.ts";
export { Secret } from "./config/secret.ts";
export type { Environment, Flags } from "./config/text-layers.ts";
export { type ConfigWatch, type WatchOptions, watchConfig } from "./config/watch-config.ts";
export type { Log, LogFields } from "./log.ts";
export { type MediumChoice, mediumOf } from "./medium-of.ts";
// Policies
export { type BreakerOptions, type BreakerSource, breaker } from "./resilience/breaker.ts";
export { type BulkheadOptions, bulkhead } from "./resilience/bulkhead.ts";
export type { ExecuteOptions, Live, Now, Policy } from "./resilience/policy.ts";
export { type RateLimitOptions, rateLimit } from "./resilience/rate-limit.ts";
export type { ResilienceOptions } from "./resilience/resilience.ts";
export { type RetryOptions, type RetrySource, retry } from "./resilience/retry.ts";
export { type TimeoutOptions, timeout } from "./resilience/timeout.ts";
// Running
export { type MainOptions, runMain } from "./run-main.ts";
export type { RunningServices, RunOptions } from "./run-options.ts";
export { runService } from "./run-service.ts";
export {
  defineService,
  type Service,
  type ServiceConfig,
  type ServiceContext,
  type ServiceOptions,
  type Setup,
  type Stop,
} from "./service.ts";
export type { FollowOptions } from "./settings.ts";
