/** The table of keys: of what kind each is, what it is by default, and whether it follows a change while services run. */

import { type Config, LOG_LEVELS } from "./config.ts";
import {
  addresses,
  amount,
  bind,
  duration,
  flag,
  type Kind,
  listOf,
  noiseFloor,
  oneOf,
  pattern,
  secret,
  text,
  token,
  whole,
} from "./kinds.ts";
import type { Weakens } from "./weakens.ts";
import { added, lost, opened, reachable, switchedOff, unencrypted, widened } from "./weakens.ts";

/** One key. */
export interface Key<T = unknown> {
  readonly kind: Kind<T>;
  /** Its built-in default; `undefined`: it has none. */
  readonly initial: T | undefined;
  /** Whether a change takes effect without a restart. */
  readonly live: boolean;
  /** Whether a change makes services easier to attack; such a change waits for a restart. */
  readonly weakens: Weakens | undefined;
}

interface KeyOptions {
  readonly live?: boolean;
  readonly weakens?: Weakens;
}

function key<T>(kind: Kind<T>, initial: NoInfer<T>, { live = false, weakens }: KeyOptions = {}): Key<T> {
  return { kind, initial, live, weakens };
}

/** A key that may have no value. */
function optional<T>(kind: Kind<T>, { live = false, weakens }: KeyOptions = {}): Key<T | undefined> {
  return { kind, initial: undefined, live, weakens };
}

type Table = { readonly [S in keyof Config]: { readonly [K in keyof Config[S]]-?: Key<Config[S][K]> } };

const LIVE = { live: true } as const;
const patterns = listOf("a list of patterns of channels", pattern);

const TABLE: Table = {
  aether: {
    use_nats: key(flag, false),
    namespace: key(token, "aether"),
    nats_url: key(
      addresses(
        "addresses that begin with nats:// or tls://, separated by commas, without an identity",
        ["nats", "tls"],
        16,
      ),
      "nats://127.0.0.1:4222",
      { weakens: unencrypted },
    ),
    nats_tls_required: key(flag, false, { weakens: switchedOff }),
    nats_mtls_ca_path: optional(text, { weakens: lost }),
    nats_mtls_client_cert_path: optional(text, { weakens: lost }),
    nats_mtls_client_key_path: optional(text, { weakens: lost }),
    nats_user: optional(text, { weakens: lost }),
    nats_password: optional(secret, { weakens: lost }),
    nats_token: optional(secret, { weakens: lost }),
    nats_nkey_seed: optional(secret, { weakens: lost }),
    nats_credentials_path: optional(text, { weakens: lost }),
    channel_buffer_size: key(whole(1, 2 ** 24), 65_536),
    max_propagation: key(whole(1, 255), 16),
    attenuation_factor: key(
      amount("a number above 0 and up to 1", (value) => value > 0 && value <= 1),
      0.95,
    ),
    half_life_ms: key(duration(1, true), 60_000),
    min_amplitude: key(
      amount("a number from 0 to 1", (value) => value >= 0 && value <= 1),
      0.01,
    ),
    enable_physics: key(flag, true),
    auth_token: optional(secret, { weakens: lost }),
    allowed_sources: optional(listOf("a list of names of services", token), { weakens: widened }),
    max_payload_bytes: key(whole(1, 2 ** 30), 1_048_576),
    max_channel_length: key(whole(1, 200), 128),
    persistence_enabled: key(flag, false),
    persistence_path: key(text, "./data/aether"),
    snapshot_interval: key(whole(1), 1000),
    recorded: optional(patterns),
  },
  logging: {
    level: key(oneOf(...LOG_LEVELS), "info", LIVE),
  },
  service: {
    name: optional(token),
    channels: optional(patterns),
    max_inflight: key(whole(1, 2 ** 20), 100),
    rate_limit_per_sec: optional(
      amount("a number above 0", (value) => value > 0),
      LIVE,
    ),
    timeout_ms: key(duration(1), 2000, LIVE),
    retry_max: key(whole(0, 1000), 3, LIVE),
    retry_base_delay_ms: key(duration(0), 50, LIVE),
    retry_max_delay_ms: key(duration(0), 500, LIVE),
    circuit_breaker_failure_threshold: key(whole(1), 5, LIVE),
    circuit_breaker_open_ms: key(duration(1), 10_000, LIVE),
    circuit_breaker_half_open_successes: key(whole(1), 2, LIVE),
    noise_floor: key(noiseFloor, 0.01, LIVE),
  },
  observability: {
    log_json: key(flag, false),
    metrics_enabled: key(flag, false, { weakens: opened }),
    metrics_bind: key(bind, "127.0.0.1:9000", { weakens: reachable }),
    otlp_endpoint: optional(
      addresses("an address that begins with http:// or https://, without an identity", ["http", "https"], 1),
      { weakens: added },
    ),
  },
  operations: {
    health_enabled: key(flag, true, { weakens: opened }),
    health_bind: key(bind, "127.0.0.1:8080", { weakens: reachable }),
    shutdown_grace_ms: key(duration(0), 10_000, LIVE),
    memory_limit_bytes: optional(whole(1), LIVE),
    cpu_time_limit_secs: optional(
      amount("a number above 0", (value) => value > 0),
      LIVE,
    ),
  },
  resource_monitoring: {
    enabled: key(flag, true),
    interval_ms: key(duration(10), 1000, LIVE),
    leak_detection_enabled: key(flag, false, LIVE),
    leak_growth_bytes_per_min: key(whole(1), 10_485_760, LIVE),
    allocator_metrics_enabled: key(flag, false, LIVE),
  },
};

/** Every key under its full name, `section.key`, in the order of config/default.toml. */
export const KEYS: ReadonlyMap<string, Key> = new Map(
  Object.entries(TABLE).flatMap(([section, keys]) =>
    Object.entries(keys).map(([name, value]: [string, Key]) => [`${section}.${name}`, value] as const),
  ),
);

/** The names of the sections. */
export const SECTIONS: readonly string[] = Object.keys(TABLE);
