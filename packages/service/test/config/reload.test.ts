/** Reloads: whole or not at all, what is live, and that no reload makes anything less secure. */

import { inspect } from "node:util";
import { seededRandom } from "@aether/core";
import { describe, expect, test } from "vitest";
import { configOf, valuesOf } from "../../src/config/config-of.ts";
import { KEYS } from "../../src/config/keys.ts";
import { LiveConfig } from "../../src/config/live-config.ts";
import { reloadOf } from "../../src/config/reload.ts";
import { type Config, type LogFields, type Reload, Secret } from "../../src/index.ts";
import { Folder } from "./folder.ts";

const seed = Number(process.env["AETHER_SEED"] ?? Date.now() % 2 ** 31);

const initial = configOf(new Map([...KEYS].map(([key, { initial }]) => [key, initial])));

/** The built-in defaults with some values changed. */
function withValues(values: Readonly<Record<string, unknown>>): Config {
  return configOf(new Map([...valuesOf(initial), ...Object.entries(values)]));
}

describe("what has changed", () => {
  test("is told by key, with both values, and those that need a restart", () => {
    const next = withValues({ "logging.level": "debug", "aether.namespace": "shop", "aether.recorded": ["a.>"] });
    expect(reloadOf(initial, initial, next)).toEqual({
      config: next,
      changed: [
        { key: "aether.namespace", from: "aether", to: "shop", refused: false },
        { key: "aether.recorded", from: undefined, to: ["a.>"], refused: false },
        { key: "logging.level", from: "info", to: "debug", refused: false },
      ],
      needsRestart: ["aether.namespace", "aether.recorded"],
    });
  });

  test("is nothing where lists and secrets are the same in other objects", () => {
    const values = (): Config =>
      withValues({ "aether.auth_token": new Secret("canary"), "aether.allowed_sources": ["a", "b"] });
    expect(reloadOf(values(), values(), values()).changed).toEqual([]);
  });

  test("never holds a secret", () => {
    const from = withValues({ "aether.auth_token": new Secret("canary1"), "aether.nats_token": new Secret("canary2") });
    const to = withValues({
      "aether.auth_token": new Secret("canary3"),
      "aether.nats_nkey_seed": new Secret("canary4"),
    });
    const { changed } = reloadOf(from, from, to);
    expect(changed).toEqual([
      { key: "aether.nats_token", from: "[redacted]", to: undefined, refused: true },
      { key: "aether.nats_nkey_seed", from: undefined, to: "[redacted]", refused: true },
      { key: "aether.auth_token", from: "[redacted]", to: "[redacted]", refused: true },
    ]);
    expect(inspect(changed, { depth: 9 }) + JSON.stringify(changed)).not.toContain("canary");
  });
});

/** What must stand beside a key, so that a configuration is right. */
const COMPANY: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  "aether.nats_mtls_client_cert_path": { "aether.nats_mtls_client_key_path": "k.pem" },
  "aether.nats_mtls_client_key_path": { "aether.nats_mtls_client_cert_path": "c.pem" },
  "aether.nats_password": { "aether.nats_user": "a" },
};

describe("a change that weakens security", () => {
  const secret = new Secret("canary");
  const matrix: [key: string, strong: unknown, weak: unknown][] = [
    ["aether.nats_url", "tls://a,tls://b", "nats://a"],
    ["aether.nats_url", "tls://a", "tls://a,nats://b"],
    ["aether.nats_tls_required", true, false],
    ["aether.nats_mtls_ca_path", "ca.pem", undefined],
    ["aether.nats_mtls_client_cert_path", "c.pem", undefined],
    ["aether.nats_mtls_client_key_path", "k.pem", undefined],
    ["aether.nats_user", "a", undefined],
    ["aether.nats_password", secret, undefined],
    ["aether.nats_token", secret, undefined],
    ["aether.nats_nkey_seed", secret, undefined],
    ["aether.nats_credentials_path", "a.creds", undefined],
    ["aether.auth_token", secret, undefined],
    ["aether.allowed_sources", ["a", "b"], ["a", "c"]],
    ["aether.allowed_sources", ["a"], undefined],
    ["observability.metrics_enabled", false, true],
    ["observability.metrics_bind", "127.0.0.1:9000", "0.0.0.0:9000"],
    ["observability.metrics_bind", "localhost:9000", "[::]:9000"],
    ["observability.metrics_bind", "127.0.0.1:9000", "127.0.0.1.example:9000"],
    ["observability.otlp_endpoint", undefined, "http://elsewhere"],
    ["observability.otlp_endpoint", "http://here", "http://elsewhere"],
    ["operations.health_enabled", false, true],
    ["operations.health_bind", "[::1]:80", "10.0.0.1:80"],
  ];

  test.each(matrix)("of %s from %o to %o waits for a restart", (key, strong, weak) => {
    const from = withValues({ [key]: strong, ...COMPANY[key] });
    const { config, changed, needsRestart } = reloadOf(
      from,
      from,
      withValues({ [key]: weak, "logging.level": "warn" }),
    );
    expect(valuesOf(config).get(key)).toEqual(strong);
    expect(changed).toContainEqual(expect.objectContaining({ key, refused: true }));
    expect(needsRestart).toContain(key);
    // What came along with it is taken.
    expect(config.logging.level).toBe("warn");
  });

  test.each(matrix.filter(([key]) => key !== "observability.otlp_endpoint"))(
    "of %s is none the other way: to %o from %o",
    (key, strong, weak) => {
      const from = withValues({ [key]: weak });
      const { config, changed } = reloadOf(from, from, withValues({ [key]: strong, ...COMPANY[key] }));
      const isSwap = Array.isArray(strong) && Array.isArray(weak);
      expect(changed).toContainEqual(expect.objectContaining({ key, refused: isSwap }));
      expect(valuesOf(config).get(key)).toEqual(isSwap ? weak : strong);
    },
  );

  test("stays refused while it stays in the file, and is told once", () => {
    const strong = withValues({ "aether.allowed_sources": ["a"] });
    const weak = withValues({ "aether.allowed_sources": ["a", "b"] });
    const first = reloadOf(strong, strong, weak);
    const second = reloadOf(
      weak,
      first.config,
      withValues({ "aether.allowed_sources": ["a", "b"], "logging.level": "warn" }),
    );
    expect(second.config.aether.allowed_sources).toEqual(["a"]);
    expect(second.changed.map(({ key }) => key)).toEqual(["logging.level"]);
  });

  test("takes what it must go together with along: an identity is exchanged whole, after a restart", () => {
    const from = withValues({ "aether.nats_user": "a", "aether.nats_password": secret });
    const to = withValues({ "aether.nats_token": new Secret("canary2"), "logging.level": "warn" });
    const { config, changed } = reloadOf(from, from, to);
    expect(config.aether).toEqual(from.aether);
    expect(config.logging.level).toBe("warn");
    expect(changed.filter(({ refused }) => refused).map(({ key }) => key)).toEqual([
      "aether.nats_user",
      "aether.nats_password",
      "aether.nats_token",
    ]);
  });

  test("is never one of a live key: those take effect at once", () => {
    expect([...KEYS].filter(([, { live, weakens }]) => live && weakens !== undefined)).toEqual([]);
  });

  test("is looked for in every key that protects or exposes something", () => {
    const guarded = [...KEYS].filter(([, { weakens }]) => weakens !== undefined).map(([key]) => key);
    expect(new Set(matrix.map(([key]) => key))).toEqual(new Set(guarded));
    expect([...KEYS].filter(([key, { kind }]) => kind.secret && !guarded.includes(key))).toEqual([]);
  });
});

/** A live configuration in a folder, and all that it says. */
function follow(folder: Folder): {
  readonly live: LiveConfig;
  readonly reloads: Reload[];
  readonly errors: unknown[];
  readonly logged: (readonly [string, LogFields | undefined])[];
} {
  const reloads: Reload[] = [];
  const errors: unknown[] = [];
  const logged: (readonly [string, LogFields | undefined])[] = [];
  const write = (message: string, fields?: LogFields): void => void logged.push([message, fields]);
  const live = new LiveConfig(
    "service-alpha",
    { cwd: folder.path, env: { TOKEN: "canary" } },
    {
      onChange: (reload) => reloads.push(reload),
      onError: (error) => errors.push(error),
      log: { debug: write, info: write, warn: write, error: write },
    },
  );
  return { live, reloads, errors, logged };
}

describe("a configuration that follows its files", () => {
  test("says what needs a restart, and writes an audit line for what was refused", () => {
    using folder = new Folder({ "config/default.toml": '[aether]\nallowed_sources = ["a"]\n' });
    const { live, logged } = follow(folder);
    folder.write("config/default.toml", '[aether]\nnamespace = "shop"\n[logging]\nlevel = "warn"\n');
    live.reload();
    expect(logged).toEqual([
      ["The configuration was reloaded", { keys: ["aether.namespace", "aether.allowed_sources", "logging.level"] }],
      ["Changes of the configuration need a restart", { keys: ["aether.namespace", "aether.allowed_sources"] }],
      [
        "A reload would weaken security: the old values stay until a restart",
        { audit: true, keys: ["aether.allowed_sources"] },
      ],
    ]);
    expect(live.config.aether).toMatchObject({ namespace: "shop", allowed_sources: ["a"] });
  });

  test("keeps what it has when a file is emptied, and takes it that a file is gone", () => {
    using folder = new Folder({ "config/default.toml": "[service]\nretry_max = 7\n" });
    const { live, errors, reloads } = follow(folder);
    folder.write("config/default.toml", "");
    live.reload();
    expect(live.config.service.retry_max).toBe(7);
    expect(String(errors[0])).toContain("an empty file");
    folder.remove("config/default.toml");
    live.reload();
    expect(live.config.service.retry_max).toBe(3);
    expect(reloads).toHaveLength(1);
  });

  test("a listener that throws is told to `onError`, and the configuration is taken all the same", () => {
    using folder = new Folder();
    const errors: unknown[] = [];
    const live = new LiveConfig(
      "service-alpha",
      { cwd: folder.path, env: {} },
      {
        onChange: () => {
          throw new Error("listener");
        },
        onError: (error) => {
          errors.push(error);
          throw error;
        },
        log: undefined,
      },
    );
    folder.write("config/default.toml", "[service]\nretry_max = 7\n");
    live.reload();
    expect(live.config.service.retry_max).toBe(7);
    expect(errors.map(String)).toEqual(["Error: listener"]);
  });
});

/** A checker of the promise that a reload is whole: both keys of a state come from the same writing. */
function isWhole({ service, logging }: Pick<Config, "service" | "logging">, written: ReadonlySet<number>): boolean {
  return (
    written.has(service.retry_max) &&
    service.max_inflight === service.retry_max + 1 &&
    logging.level === (service.retry_max % 2 === 0 ? "info" : "warn")
  );
}

function stateText(number: number): string {
  const level = number % 2 === 0 ? "info" : "warn";
  return `[service]\nretry_max = ${number}\nmax_inflight = ${number + 1}\n[logging]\nlevel = "${level}"\n`;
}

/** A state with something wrong in it: cut off in a word, of the wrong kind, unknown, no TOML, empty, without its secret. */
function brokenText(number: number, random: () => number): string {
  const whole = stateText(number);
  const broken = [
    whole.slice(0, whole.indexOf("retry_max") + 4),
    `${whole.slice(0, -3)}`,
    `${whole}[service`,
    whole.replace(`= ${number}\n`, '= "many"\n'),
    `${whole}levle = 1\n`,
    `${whole}[aether]\nauth_token = "\${MISSING}"\n`,
    `${whole}[aether]\n__proto__ = 1\n`,
    "",
  ];
  return broken[Math.floor(random() * broken.length)] ?? "";
}

describe("1,000 reloads, with wrong and partial files between the right ones", () => {
  test(`take every right state whole, and no wrong one (seed ${seed})`, () => {
    const random = seededRandom(seed);
    using folder = new Folder({ "config/default.toml": stateText(0) });
    const { live, reloads, errors } = follow(folder);
    const written = new Set([0]);
    let right = 0;
    let wrong = 0;
    for (let number = 1; number <= 1000; number++) {
      const before = live.config;
      if (random() < 0.5) {
        folder.write("config/default.toml", brokenText(number % 990, random));
        live.reload();
        wrong++;
        expect(live.config).toBe(before);
      } else {
        written.add(number % 990);
        folder.write("config/default.toml", stateText(number % 990));
        live.reload();
        right++;
        expect(live.config.service.retry_max).toBe(number % 990);
      }
      expect(isWhole(live.config, written)).toBe(true);
    }
    expect([reloads.length, errors.length]).toEqual([right, wrong]);
    expect(reloads.every(({ config }) => isWhole(config, written))).toBe(true);
    expect(inspect(errors, { depth: 5 })).not.toContain("canary");
  });

  test("the control: a reader that takes what it can of a file is caught by the same check", () => {
    const random = seededRandom(seed);
    let service = { ...initial.service, retry_max: 0, max_inflight: 1 };
    let { logging } = initial;
    let torn = 0;
    for (let number = 1; number <= 1000; number++) {
      const text = random() < 0.5 ? brokenText(number % 990, random) : stateText(number % 990);
      const [, tries] = /^retry_max = (\d+)$/m.exec(text) ?? [];
      const [, inflight] = /^max_inflight = (\d+)$/m.exec(text) ?? [];
      const [, level] = /^level = "(info|warn)"$/m.exec(text) ?? [];
      service = {
        ...service,
        retry_max: Number(tries ?? service.retry_max),
        max_inflight: Number(inflight ?? service.max_inflight),
      };
      logging = level === "info" || level === "warn" ? { level } : logging;
      torn += isWhole({ service, logging }, new Set([number % 990, service.retry_max])) ? 0 : 1;
    }
    expect(torn).toBeGreaterThan(50);
  });
});
