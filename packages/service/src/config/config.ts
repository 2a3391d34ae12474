/** The configuration as a typed value: sections and keys are named as in config/default.toml. docs/configuration.md. */

import type { Secret } from "./secret.ts";

/** Everything that can be set. Sections and their values are frozen. */
// A type and not an interface, so that it is a `ServiceConfig`, too.
export type Config = {
  readonly aether: AetherSection;
  readonly logging: LoggingSection;
  readonly service: ServiceSection;
  readonly observability: ObservabilitySection;
  readonly operations: OperationsSection;
  readonly resource_monitoring: ResourceMonitoringSection;
};

/** The medium, the laws and the limits. */
export interface AetherSection {
  readonly use_nats: boolean;
  readonly namespace: string;
  readonly nats_url: string;
  readonly nats_tls_required: boolean;
  readonly nats_mtls_ca_path: string | undefined;
  readonly nats_mtls_client_cert_path: string | undefined;
  readonly nats_mtls_client_key_path: string | undefined;
  readonly nats_user: string | undefined;
  readonly nats_password: Secret | undefined;
  readonly nats_token: Secret | undefined;
  readonly nats_nkey_seed: Secret | undefined;
  readonly nats_credentials_path: string | undefined;
  /** Waves that an inbox holds. */
  readonly channel_buffer_size: number;
  readonly max_propagation: number;
  readonly attenuation_factor: number;
  /** May be `Infinity`. */
  readonly half_life_ms: number;
  readonly min_amplitude: number;
  readonly enable_physics: boolean;
  /** What callers of Aether's own edge must show. */
  readonly auth_token: Secret | undefined;
  readonly allowed_sources: readonly string[] | undefined;
  readonly max_payload_bytes: number;
  readonly max_channel_length: number;
  readonly persistence_enabled: boolean;
  readonly persistence_path: string;
  /** Waves from one snapshot to the next. */
  readonly snapshot_interval: number;
  readonly recorded: readonly string[] | undefined;
}

/** How much a log is to say, from most to nothing. */
export const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;

/** One of {@link LOG_LEVELS}. */
export type LogLevel = (typeof LOG_LEVELS)[number];

export interface LoggingSection {
  readonly level: LogLevel;
}

/** One service, its load and its resilience. */
export interface ServiceSection {
  readonly name: string | undefined;
  readonly channels: readonly string[] | undefined;
  /** Handlers that run at a time. */
  readonly max_inflight: number;
  readonly rate_limit_per_sec: number | undefined;
  /** How long commands and queries wait. */
  readonly timeout_ms: number;
  readonly retry_max: number;
  readonly retry_base_delay_ms: number;
  readonly retry_max_delay_ms: number;
  readonly circuit_breaker_failure_threshold: number;
  readonly circuit_breaker_open_ms: number;
  readonly circuit_breaker_half_open_successes: number;
  readonly noise_floor: number | "adaptive";
}

/** What a service tells about itself. */
export interface ObservabilitySection {
  readonly log_json: boolean;
  readonly metrics_enabled: boolean;
  /** `host:port`. */
  readonly metrics_bind: string;
  readonly otlp_endpoint: string | undefined;
}

/** What those who run a service need. */
export interface OperationsSection {
  readonly health_enabled: boolean;
  /** `host:port`. */
  readonly health_bind: string;
  readonly shutdown_grace_ms: number;
  readonly memory_limit_bytes: number | undefined;
  readonly cpu_time_limit_secs: number | undefined;
}

export interface ResourceMonitoringSection {
  readonly enabled: boolean;
  readonly interval_ms: number;
  readonly leak_detection_enabled: boolean;
  readonly leak_growth_bytes_per_min: number;
  readonly allocator_metrics_enabled: boolean;
}
