/** What `loadConfig` promises: layers, origins, and one error that tells everything. */

import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, expectTypeOf, test } from "vitest";
import { type Config, defineService, loadConfig, runService, type ServiceConfig } from "../../src/index.ts";
import { Folder, refusalOf } from "./folder.ts";

const key = "service.max_inflight";

function section(value: number): string {
  return `# a comment\n[service]\n\nmax_inflight = ${value}\n`;
}

describe("the layers", () => {
  test("win over each other in the order that is documented, and each value knows where it comes from", () => {
    using folder = new Folder();
    const env: Record<string, string> = {};
    const flags: Record<string, unknown> = {};
    const steps: [what: () => void, value: number, origin: string, layer: string][] = [
      [() => {}, 100, "built-in default", "built-in"],
      [() => folder.write("config/default.toml", section(1)), 1, "config/default.toml:4", "default"],
      [() => folder.write("config/development.toml", section(2)), 2, "config/development.toml:4", "overlay"],
      [() => folder.write("config/service-alpha.toml", section(3)), 3, "config/service-alpha.toml:4", "service"],
      [
        () => {
          folder.write("more/own.toml", section(4));
          env["AETHER_CONFIG"] = "more/own.toml";
        },
        4,
        "more/own.toml:4",
        "file",
      ],
      [
        () => {
          env["AETHER__SERVICE__MAX_INFLIGHT"] = "5";
        },
        5,
        "AETHER__SERVICE__MAX_INFLIGHT",
        "environment",
      ],
      [
        () => {
          flags[key] = 6;
        },
        6,
        "flag service.max_inflight",
        "flag",
      ],
    ];
    for (const [step, value, origin, layer] of steps) {
      step();
      const loaded = folder.load(env, flags);
      expect(loaded.config.service.max_inflight).toBe(value);
      expect(String(loaded.origin(key))).toBe(origin);
      expect(loaded.origin(key).layer).toBe(layer);
      expect(loaded.config.service.timeout_ms).toBe(2000);
    }
  });

  test("AETHER_ENV chooses the overlay", () => {
    using folder = new Folder({ "config/development.toml": section(2), "config/production.toml": section(7) });
    expect(folder.load({ AETHER_ENV: "production" }).config.service.max_inflight).toBe(7);
    expect(folder.load({ AETHER_ENV: "" }).config.service.max_inflight).toBe(2);
    expect(folder.load({ AETHER_ENV: "staging" }).config.service.max_inflight).toBe(100);
    expect(refusalOf(() => folder.load({ AETHER_ENV: "../../etc/x" })).message).toContain("AETHER_ENV");
  });

  test("the file in AETHER_CONFIG must be there, and is told by its whole path when it lies elsewhere", () => {
    using folder = new Folder();
    using other = new Folder({ "own.toml": section(4) });
    expect(refusalOf(() => folder.load({ AETHER_CONFIG: "none.toml" })).message).toContain("none.toml");
    const loaded = folder.load({ AETHER_CONFIG: other.at("own.toml") });
    expect(String(loaded.origin(key))).toBe(`${other.at("own.toml")}:4`);
  });

  test("lists are replaced, not joined, and a table leaves the other keys of its section alone", () => {
    using folder = new Folder({
      "config/default.toml": '[aether]\nallowed_sources = ["a", "b"]\nnamespace = "shop"\n',
      "config/service-alpha.toml": '[aether]\nallowed_sources = ["c"]\n',
    });
    expect(folder.load().config.aether).toMatchObject({ allowed_sources: ["c"], namespace: "shop" });
  });

  test("the environment is read by the kind of the key", () => {
    using folder = new Folder();
    const { aether, service, operations } = folder.load({
      AETHER__AETHER__USE_NATS: "true",
      AETHER__AETHER__RECORDED: "orders.>, payments.*",
      AETHER__AETHER__ALLOWED_SOURCES: '["alpha", "beta"]',
      AETHER__AETHER__HALF_LIFE_MS: "inf",
      AETHER__SERVICE__NOISE_FLOOR: "adaptive",
      AETHER__SERVICE__TIMEOUT_MS: "1.5s",
      AETHER__SERVICE__NAME: "42",
      AETHER__OPERATIONS__SHUTDOWN_GRACE_MS: "250",
    }).config;
    expect(aether).toMatchObject({
      use_nats: true,
      recorded: ["orders.>", "payments.*"],
      allowed_sources: ["alpha", "beta"],
      half_life_ms: Number.POSITIVE_INFINITY,
    });
    expect(service).toMatchObject({ noise_floor: "adaptive", timeout_ms: 1500, name: "42" });
    expect(operations.shutdown_grace_ms).toBe(250);
  });

  test("a flag is a value, or a text that is read as one of the environment", () => {
    using folder = new Folder();
    expect(folder.load({}, { "service.noise_floor": 0.2 }).config.service.noise_floor).toBe(0.2);
    expect(folder.load({}, { "service.noise_floor": "0.3" }).config.service.noise_floor).toBe(0.3);
    expect(folder.load({}, { "service.noise_floor": undefined }).config.service.noise_floor).toBe(0.01);
    expect(folder.load({}, { "aether.recorded": ["a.>"] }).config.aether.recorded).toEqual(["a.>"]);
  });

  test.each([
    ["250ms", 250],
    ["5s", 5000],
    ["1m", 60_000],
    ["2h", 7_200_000],
    ["0.5s", 500],
  ])("a time may be written as %s", (text, ms) => {
    using folder = new Folder({ "config/default.toml": `[service]\ntimeout_ms = "${text}"\n` });
    expect(folder.load().config.service.timeout_ms).toBe(ms);
  });

  test("the Rust original's own file loads as it is", () => {
    const text = readFileSync(new URL("../fixtures/rust-original.toml", import.meta.url), "utf8");
    using folder = new Folder({ "config/default.toml": text });
    const { config } = folder.load();
    expect(config.aether).toMatchObject({ channel_buffer_size: 1000, max_propagation: 10, use_nats: true });
    expect(config.operations.shutdown_grace_ms).toBe(5000);
  });

  test("the files of this project load, for each service and environment", () => {
    const cwd = fileURLToPath(new URL("../../../..", import.meta.url));
    for (const name of ["service-alpha", "service-beta", "service-gamma"]) {
      for (const environment of ["development", "production"]) {
        const { config, warnings } = loadConfig(name, { cwd, env: { AETHER_ENV: environment } });
        expect(config.service.name).toBe(name);
        expect(warnings).toEqual([]);
      }
    }
  });
});

describe("the value", () => {
  test("is frozen, and a `ServiceConfig`", async () => {
    using folder = new Folder();
    const { config } = folder.load();
    expect([config, ...Object.values(config)].every(Object.isFrozen)).toBe(true);
    expectTypeOf(config).toEqualTypeOf<Config>();
    expectTypeOf(config).toExtend<ServiceConfig>();
    const seen: unknown[] = [];
    await using _ = await runService(
      defineService("one", (context) => void seen.push(context.config)),
      { config },
    );
    expect(seen).toEqual([config]);
  });

  test("`origin` refuses a key that there is not, and names one that there is", () => {
    using folder = new Folder();
    const { code, message } = refusalOf(() => folder.load().origin("service.noise_flor"));
    expect(code).toBe("AETHER_BAD_OPTION");
    expect(message).toContain("service.noise_floor");
  });

  test.each(["", "a/b", "..", "../x", "a.b", "x".repeat(65), "a\0b"])("%j is no name of a service", (name) => {
    expect(refusalOf(() => loadConfig(name)).code).toBe("AETHER_BAD_OPTION");
  });
});

describe("what is wrong", () => {
  test("is told all at once, each with its place, what was expected and what came", () => {
    using folder = new Folder({
      "config/default.toml": '[aether]\nuse_nats = "yes"\n\n[servce]\nname = "x"\n\n[service]\nnoise_flor = 0.2\n',
      "config/service-alpha.toml": "[service]\nretry_max = -1\n\nlogging.level = 3\n",
    });
    const error = refusalOf(() =>
      folder.load({ AETHER__AETHER__NAMSPACE: "x", AETHER__SERVICE__TIMEOUT_MS: "soon" }, { "loging.level": "info" }),
    );
    expect(error.code).toBe("AETHER_BAD_CONFIG");
    expect(error.retryable).toBe(false);
    expect(error.message.split("\n- ").slice(1)).toEqual([
      expect.stringMatching(/^AETHER__AETHER__NAMSPACE: .* Did you mean `AETHER__AETHER__NAMESPACE`\?$/),
      'config/default.toml:2: expected `aether.use_nats` to be true or false, got "yes"',
      "config/default.toml:4: expected `servce` to be a known key, got an unknown one. Did you mean `service`?",
      expect.stringMatching(
        /^config\/default\.toml:8: .*`service\.noise_flor`.* Did you mean `service\.noise_floor`\?$/,
      ),
      "config/service-alpha.toml:2: expected `service.retry_max` to be a whole number from 0 to 1000, got -1",
      expect.stringMatching(/^config\/service-alpha\.toml:4: expected `service\.logging` to be a known key/),
      expect.stringMatching(/^AETHER__SERVICE__TIMEOUT_MS: expected `service\.timeout_ms` to be .*, got "soon"$/),
      expect.stringMatching(/^flag loging\.level: .*Did you mean `logging\.level`\?$/),
    ]);
    expect(error.details["problems"]).toHaveLength(8);
    expect(error.details["problems"]).toContainEqual({
      key: "service.retry_max",
      layer: "service",
      file: "config/service-alpha.toml",
      line: 2,
      variable: undefined,
      flag: undefined,
      expected: "a whole number from 0 to 1000",
      got: "-1",
      nearest: undefined,
    });
  });

  test("is told of a value, too, that a later layer hides", () => {
    using folder = new Folder({ "config/default.toml": "[service]\nretry_max = -1\n" });
    expect(refusalOf(() => folder.load({ AETHER__SERVICE__RETRY_MAX: "1" })).message).toContain("default.toml:2");
  });

  test("a key of another section is named with its own", () => {
    using folder = new Folder({ "config/default.toml": "[aether]\nnoise_floor = 0.2\n" });
    expect(refusalOf(() => folder.load()).message).toContain("Did you mean `service.noise_floor`?");
    folder.write("config/default.toml", "noise_floor = 0.2\n");
    expect(refusalOf(() => folder.load()).message).toContain("Did you mean `service.noise_floor`?");
  });

  test("a line that is no TOML is named, and not quoted", () => {
    using folder = new Folder({ "config/default.toml": '[aether]\nauth_token = "canary" "canary"\n' });
    const { message } = refusalOf(() => folder.load());
    expect(message).toContain("config/default.toml:2");
    expect(message).not.toContain("canary");
  });

  test("a folder, a file that is too large and one in another encoding are refused", () => {
    using folder = new Folder();
    mkdirSync(folder.at("config/default.toml"), { recursive: true });
    expect(refusalOf(() => folder.load()).message).toContain("a regular file");
    folder.remove("config/default.toml");
    folder.write("config/default.toml", "#".repeat(65_537));
    expect(refusalOf(() => folder.load()).message).toContain("at most 65536 bytes");
    folder.write("config/default.toml", "");
    folder.load();
    folder.write("config/default.toml", Buffer.from([0x23, 0xff, 0xfe]).toString("latin1"));
    folder.load();
  });

  test.each([
    ["nats_mtls_client_cert_path", '[aether]\nnats_mtls_client_cert_path = "a.pem"\n'],
    ["nats_mtls_client_key_path", '[aether]\nnats_mtls_client_key_path = "a.pem"\n'],
    ["nats_password", '[aether]\nnats_password = "a"\n'],
    ["nats_token", '[aether]\nnats_user = "a"\nnats_token = "b"\n'],
    ["retry_base_delay_ms", "[service]\nretry_base_delay_ms = 501\n"],
  ])("%s is held against the keys it belongs to", (name, text) => {
    using folder = new Folder({ "config/default.toml": text });
    const { message } = refusalOf(() => folder.load());
    expect(message).toMatch(new RegExp(`config/default\\.toml:\\d: expected \`\\w+\\.${name}\``));
  });

  test.each(["cwdd", "ENV", "flag"])("the option %s is refused", (option) => {
    expect(refusalOf(() => loadConfig("service-alpha", { [option]: 1 })).code).toBe("AETHER_BAD_OPTION");
  });
});

describe("hostile files", () => {
  const names = Object.getOwnPropertyNames(Object.prototype).sort();
  const corpus = [
    "__proto__ = 1",
    "[__proto__]\npolluted = true",
    "[service.__proto__]\npolluted = true",
    '[service]\n"__proto__" = { polluted = true }',
    "service.__proto__.polluted = true",
    "[constructor.prototype]\npolluted = true",
    "[service]\nconstructor = 1",
    "[aether]\nprototype = 1",
    '[[service.list]]\n"\\u005f_proto__" = 1',
    "[service]\nchannels = [{ a = [{ __proto__ = 1 }] }]",
  ];

  test.each(corpus)("%j is refused, and no prototype is touched", (text) => {
    using folder = new Folder({ "config/default.toml": text });
    expect(refusalOf(() => folder.load()).message).toContain("a forbidden name");
    expect(Object.getOwnPropertyNames(Object.prototype).sort()).toEqual(names);
    expect(Reflect.get({}, "polluted")).toBeUndefined();
  });

  test.each([
    ["AETHER____PROTO____X", {}],
    ["AETHER__CONSTRUCTOR__PROTOTYPE", {}],
  ])("the variable %s is refused", (variable) => {
    using folder = new Folder();
    expect(refusalOf(() => folder.load({ [variable]: "1" })).message).toContain("a known key");
  });

  test("the flag __proto__ is refused", () => {
    using folder = new Folder();
    const flags: Record<string, unknown> = JSON.parse('{ "__proto__": 1 }');
    expect(refusalOf(() => folder.load({}, flags)).message).toContain("a known key");
  });

  test("everything works where prototypes cannot be reached", () => {
    using folder = new Folder({ "config/default.toml": section(3) });
    const index = new URL("../../dist/index.js", import.meta.url).href;
    const program = `
      const { loadConfig } = await import(${JSON.stringify(index)});
      console.log(loadConfig("service-alpha", { env: {} }).config.service.max_inflight);`;
    const options = ["--disable-proto=throw", "--input-type=module", "--eval", program];
    expect(execFileSync(process.execPath, options, { cwd: folder.path, encoding: "utf8" })).toBe("3\n");
  });

  test.each([
    ["deep lists", `[service]\nchannels = ${"[".repeat(60_000)}`],
    ["lists of 33", `[service]\nchannels = ${"[".repeat(33)}${"]".repeat(33)}`],
    ["deep tables", `[${Array.from({ length: 30_000 }, () => "a").join(".")}]\n`],
    ["a deep key", `${Array.from({ length: 30_000 }, () => "a").join(".")} = 1\n`],
    ["deep inline tables", `x = ${"{a=".repeat(20_000)}`],
    ["many keys", Array.from({ length: 6_000 }, (_, at) => `k${at} = 1`).join("\n")],
    ["a long list", `[service]\nchannels = [${"1,".repeat(30_000)}]`],
    ["a long text", `[service]\nname = "${"a".repeat(60_000)}"`],
    ["many dollars", `[service]\nname = "${"${".repeat(30_000)}"`],
  ])("a bomb of %s is refused before it costs anything", (_, text) => {
    using folder = new Folder({ "config/default.toml": text });
    const before = process.cpuUsage();
    const { message } = refusalOf(() => folder.load());
    const { user, system } = process.cpuUsage(before);
    // Microseconds of the processor; far above what it takes, far below what a bomb would.
    expect(user + system).toBeLessThan(500_000);
    expect(message.length).toBeLessThan(1000);
  });
});

test("a variable in small letters, and a flag that names a section, are told what was meant", () => {
  using folder = new Folder();
  const variable = refusalOf(() => folder.load({ AETHER__service__retry_max: "1" }));
  expect(variable.message).toContain("Did you mean `AETHER__SERVICE__RETRY_MAX`?");
  const flag = refusalOf(() => folder.load({}, { logging: { level: "debug" } }));
  expect(flag.message).toContain("flag logging: expected `logging` to be a known key");
  expect(flag.message).toContain("Did you mean `logging.level`?");
});
