/** Every key of the table: its default, a value from each layer, a value of the wrong kind, and a neighbour. */

import { describe, expect, test } from "vitest";
import { valuesOf } from "../../src/config/config-of.ts";
import { KEYS } from "../../src/config/keys.ts";
import { type Loaded, Secret } from "../../src/index.ts";
import { Folder, refusalOf } from "./folder.ts";

/** For each key: a value that is not its default, in TOML; the same as a text; what comes of it; and a wrong one. */
const CASES: Readonly<Record<string, readonly [toml: string, text: string, value: unknown, wrong: string]>> = {
  "aether.use_nats": ["true", "true", true, '"true"'],
  "aether.namespace": ['"shop"', "shop", "shop", '"a.b"'],
  "aether.nats_url": ['"tls://a:1,nats://b"', "tls://a:1,nats://b", "tls://a:1,nats://b", '"http://a"'],
  "aether.nats_tls_required": ["true", "true", true, "1"],
  "aether.nats_mtls_ca_path": ['"ca.pem"', "ca.pem", "ca.pem", '""'],
  "aether.nats_mtls_client_cert_path": ['"c.pem"', "c.pem", "c.pem", "1"],
  "aether.nats_mtls_client_key_path": ['"k.pem"', "k.pem", "k.pem", "[]"],
  "aether.nats_user": ['"alpha"', "alpha", "alpha", "1"],
  "aether.nats_password": ['"canary"', "canary", new Secret("canary"), "1"],
  "aether.nats_token": ['"canary"', "canary", new Secret("canary"), '""'],
  "aether.nats_nkey_seed": ['"canary"', "canary", new Secret("canary"), "true"],
  "aether.nats_credentials_path": ['"a.creds"', "a.creds", "a.creds", "1979-05-27"],
  "aether.channel_buffer_size": ["10", "10", 10, "0"],
  "aether.max_propagation": ["255", "255", 255, "256"],
  "aether.attenuation_factor": ["0.5", "0.5", 0.5, "0"],
  "aether.half_life_ms": ['"2m"', "120s", 120_000, "-1"],
  "aether.min_amplitude": ["0", "0", 0, "1.1"],
  "aether.enable_physics": ["false", "false", false, '"no"'],
  "aether.auth_token": ['"canary"', "canary", new Secret("canary"), "{ a = 1 }"],
  "aether.allowed_sources": ['["a", "b"]', "a,b", ["a", "b"], '"a"'],
  "aether.max_payload_bytes": ["1", "1", 1, "1.5"],
  "aether.max_channel_length": ["200", "200", 200, "201"],
  "aether.persistence_enabled": ["true", "true", true, "0"],
  "aether.persistence_path": ['"/data"', "/data", "/data", "1"],
  "aether.snapshot_interval": ["5", "5", 5, "0"],
  "aether.recorded": ['["a.>"]', '["a.>"]', ["a.>"], '["a..b"]'],
  "logging.level": ['"warn"', "warn", "warn", '"loud"'],
  "service.name": ['"alpha"', "alpha", "alpha", '"a b"'],
  "service.channels": ['["a.*"]', "a.*", ["a.*"], '["a.>.b"]'],
  "service.max_inflight": ["1", "1", 1, '"1"'],
  "service.rate_limit_per_sec": ["50.0", "50.0", 50, "0"],
  "service.timeout_ms": ['"5s"', "5000", 5000, '"5 days"'],
  "service.retry_max": ["0", "0", 0, "-1"],
  "service.retry_base_delay_ms": ["1", "1ms", 1, "nan"],
  "service.retry_max_delay_ms": ["600", "600", 600, "inf"],
  "service.circuit_breaker_failure_threshold": ["1", "1", 1, "0"],
  "service.circuit_breaker_open_ms": ['"1s"', "1s", 1000, "0"],
  "service.circuit_breaker_half_open_successes": ["1", "1", 1, "0"],
  "service.noise_floor": ['"adaptive"', "adaptive", "adaptive", '"high"'],
  "observability.log_json": ["true", "true", true, "1"],
  "observability.metrics_enabled": ["true", "true", true, "1"],
  "observability.metrics_bind": ['"[::1]:0"', "[::1]:0", "[::1]:0", '"9000"'],
  "observability.otlp_endpoint": ['"http://a:1/v1"', "http://a:1/v1", "http://a:1/v1", '"nats://a"'],
  "operations.health_enabled": ["false", "false", false, "1"],
  "operations.health_bind": ['"0.0.0.0:80"', "0.0.0.0:80", "0.0.0.0:80", '"0.0.0.0:65536"'],
  "operations.shutdown_grace_ms": ["0", "0", 0, "-1"],
  "operations.memory_limit_bytes": ["1", "1", 1, "0"],
  "operations.cpu_time_limit_secs": ["1.5", "1.5", 1.5, "0"],
  "resource_monitoring.enabled": ["false", "false", false, "1"],
  "resource_monitoring.interval_ms": ['"2s"', "2000", 2000, "1"],
  "resource_monitoring.leak_detection_enabled": ["true", "true", true, "1"],
  "resource_monitoring.leak_growth_bytes_per_min": ["1", "1", 1, "0"],
  "resource_monitoring.allocator_metrics_enabled": ["true", "true", true, "1"],
};

/** What must stand beside a key, so that it is right. */
const COMPANY: Readonly<Record<string, string>> = {
  "aether.nats_mtls_client_cert_path": 'aether.nats_mtls_client_key_path = "k.pem"\n',
  "aether.nats_mtls_client_key_path": 'aether.nats_mtls_client_cert_path = "c.pem"\n',
  "aether.nats_password": 'aether.nats_user = "alpha"\n',
};

const FILES = [
  ["config/default.toml", "default"],
  ["config/development.toml", "overlay"],
  ["config/service-alpha.toml", "service"],
  ["own.toml", "file"],
] as const;

function valueIn({ config }: Loaded, key: string): unknown {
  return valuesOf(config).get(key);
}

function plain(value: unknown): unknown {
  return value instanceof Secret ? { secret: value.reveal() } : value;
}

test("the table below has every key", () => {
  expect(Object.keys(CASES)).toEqual([...KEYS.keys()]);
});

describe.each(Object.entries(CASES))("%s", (key, [toml, text, value, wrong]) => {
  const variable = `AETHER__${key.replace(".", "__").toUpperCase()}`;
  const company = COMPANY[key] ?? "";
  const own = { AETHER_CONFIG: "own.toml" };

  test("has its default where nobody says anything", () => {
    using folder = new Folder();
    const loaded = folder.load();
    expect(valueIn(loaded, key)).toEqual(KEYS.get(key)?.initial);
    expect(plain(valueIn(loaded, key))).not.toEqual(plain(value));
    expect(String(loaded.origin(key))).toBe("built-in default");
  });

  test.each(FILES)("is read from %s", (file, layer) => {
    using folder = new Folder({ "own.toml": "" });
    folder.write(file, `${company}${key} = ${toml}\n`);
    const loaded = folder.load(own);
    expect(plain(valueIn(loaded, key))).toEqual(plain(value));
    const { line, ...origin } = loaded.origin(key);
    expect({ line, ...origin }).toMatchObject({ layer, file, line: company === "" ? 1 : 2 });
  });

  test("is read from the environment and from a flag", () => {
    using folder = new Folder({ "config/default.toml": company });
    const fromVariable = folder.load({ [variable]: text });
    expect(plain(valueIn(fromVariable, key))).toEqual(plain(value));
    expect(fromVariable.origin(key)).toMatchObject({ layer: "environment", variable });
    const fromFlag = folder.load({}, { [key]: text });
    expect(plain(valueIn(fromFlag, key))).toEqual(plain(value));
    expect(fromFlag.origin(key)).toMatchObject({ layer: "flag", flag: key });
  });

  test("is refused where it is of the wrong kind", () => {
    using folder = new Folder({ "config/default.toml": `\n${key} = ${wrong}\n` });
    const { message } = refusalOf(() => folder.load());
    expect(message).toContain(`config/default.toml:2: expected \`${key}\` to be ${KEYS.get(key)?.kind.words}, got `);
  });

  test("is the nearest to a slip of it", () => {
    using folder = new Folder({ "config/default.toml": `${key}x = ${toml}\n` });
    const { message } = refusalOf(() => folder.load());
    expect(message).toContain(`config/default.toml:1: expected \`${key}x\` to be a known key`);
    expect(message).toContain(`Did you mean \`${key}\`?`);
    expect(message).not.toContain("canary");
  });
});
