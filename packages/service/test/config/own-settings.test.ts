/** Settings of a service's own: through every layer, with origins, refused with the nearest name, secrets never shown. */

import { inspect } from "node:util";
import { describe, expect, expectTypeOf, test } from "vitest";
import { z } from "zod";
import { defineService, loadConfig, runService, type Secret, secretSetting, watchConfig } from "../../src/index.ts";
import { Folder } from "./folder.ts";

const CANARY = "canary-7f3a";
const settings = z.object({
  bank_ms: z.int().min(0).default(600),
  name: z.string().optional(),
  limits: z.object({ card: z.number() }).optional(),
  currencies: z.array(z.string()).default(["EUR"]),
  api_key: secretSetting().optional(),
});

function refusal(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  throw new Error("Expected it to be refused");
}

describe("settings", () => {
  test("have their defaults, and the types of their schema", () => {
    using folder = new Folder();
    const { config, origin } = loadConfig("alpha", { cwd: folder.path, env: {}, settings });
    expect(config.settings).toEqual({ bank_ms: 600, currencies: ["EUR"] });
    expect(String(origin("settings.bank_ms"))).toBe("built-in default");
    expectTypeOf(config.settings.bank_ms).toBeNumber();
    expectTypeOf(config.settings.api_key).toEqualTypeOf<Secret | undefined>();
    expect(Object.isFrozen(config.settings)).toBe(true);
  });

  test("go through every layer, later ones over earlier ones, each with its origin", () => {
    using folder = new Folder({
      "config/default.toml": "[settings]\nbank_ms = 1\ncurrencies = ['USD']\n",
      "config/production.toml": "[settings]\nbank_ms = 2\n",
      "config/alpha.toml": "[settings]\nbank_ms = 3\n[settings.limits]\ncard = 5\n",
      "own.toml": "[settings]\nbank_ms = 4\n",
    });
    const from = (env: Record<string, string>, flags = {}): string => {
      const { config, origin } = loadConfig("alpha", { cwd: folder.path, env, flags, settings });
      return `${config.settings.bank_ms} ${origin("settings.bank_ms")}`;
    };
    const env = { AETHER_ENV: "production", AETHER_CONFIG: "own.toml" };
    expect(from({})).toBe("3 config/alpha.toml:2");
    expect(from(env)).toBe("4 own.toml:2");
    expect(from({ ...env, AETHER__SETTINGS__BANK_MS: "5" })).toBe("5 AETHER__SETTINGS__BANK_MS");
    expect(from({ ...env, AETHER__SETTINGS__BANK_MS: "5" }, { "settings.bank_ms": 6 })).toBe(
      "6 flag settings.bank_ms",
    );
    const { config } = loadConfig("alpha", { cwd: folder.path, env: {}, settings });
    expect(config.settings).toMatchObject({ currencies: ["USD"], limits: { card: 5 } });
  });

  test("in texts are texts where the schema takes one, and else what TOML makes of them", () => {
    using folder = new Folder();
    const env = {
      AETHER__SETTINGS__NAME: "42",
      AETHER__SETTINGS__BANK_MS: "42",
      AETHER__SETTINGS__CURRENCIES: '["EUR", "USD"]',
    };
    const { config } = loadConfig("alpha", { cwd: folder.path, env, settings });
    expect(config.settings).toMatchObject({ name: "42", bank_ms: 42, currencies: ["EUR", "USD"] });
  });

  test("that are wrong are told with all the rest: place, key, what is asked for and what came", () => {
    using folder = new Folder({
      "config/alpha.toml": '[settings]\nbank_ms = "soon"\nlimit = 1\n[settings.limits]\ncard = "x"\n[service]\nmax_inflight = 0\n',
    });
    const message = refusal(() => loadConfig("alpha", { cwd: folder.path, env: {}, settings }));
    expect(message).toContain("got 4 problems");
    expect(message).toMatch(/alpha\.toml:2: expected `settings\.bank_ms` to be what its service asks for \(.*number.*\), got "soon"/);
    expect(message).toMatch(/alpha\.toml:3: expected `settings\.limit` .*Did you mean `settings\.limits`\?/);
    expect(message).toMatch(/alpha\.toml:4: expected `settings\.limits` to be what its service asks for/);
    expect(message).toContain("service.max_inflight");
  });

  test("that are missing, and what only all of them together show", () => {
    using folder = new Folder({ "config/alpha.toml": "[settings]\nleast = 5\nmost = 3\n" });
    const needed = z.object({ url: z.string() });
    expect(refusal(() => loadConfig("beta", { cwd: folder.path, env: {}, settings: needed }))).toContain(
      "built-in default: expected `settings.url` to be set, for its service asks for it, got none",
    );
    const range = z
      .object({ least: z.number(), most: z.number() })
      .refine(({ least, most }) => least <= most, { message: "least must be below most", path: ["least"] });
    expect(refusal(() => loadConfig("alpha", { cwd: folder.path, env: {}, settings: range }))).toContain(
      "config/alpha.toml:2: expected `settings.least` to be what its service asks for (least must be below most)",
    );
  });

  test("without a schema there is no such section, and what is no schema is refused", () => {
    using folder = new Folder({ "config/alpha.toml": "[settings]\nbank_ms = 3\n" });
    expect(refusal(() => loadConfig("alpha", { cwd: folder.path, env: {} }))).toMatch(
      /alpha\.toml:1: expected `settings` to be a known key, got an unknown one/,
    );
    const wrong = { cwd: folder.path, env: {}, settings: z.string() };
    expect(refusal(() => loadConfig("alpha", wrong as never))).toContain("Expected `settings` to be an object of Zod");
  });

  test("that are secret come from outside, never print, and are not read from files that others may read", () => {
    using folder = new Folder({ "config/alpha.toml": `[settings]\napi_key = "\${BANK_KEY}"\n` });
    const loaded = loadConfig("alpha", { cwd: folder.path, env: { BANK_KEY: CANARY }, settings });
    expect(loaded.config.settings.api_key?.reveal()).toBe(CANARY);
    expect(`${inspect(loaded, { depth: 9 })}${JSON.stringify(loaded)}`).not.toContain(CANARY);
    const written = refusal(() =>
      loadConfig("alpha", { cwd: folder.path, env: { BANK_KEY: CANARY }, flags: { "settings.api_key": [CANARY] }, settings }),
    );
    expect(written).not.toContain(CANARY);
  });

  test("cannot reach into prototypes", () => {
    using folder = new Folder({ "config/alpha.toml": "[settings]\n__proto__ = { polluted = 1 }\n" });
    expect(refusal(() => loadConfig("alpha", { cwd: folder.path, env: {}, settings }))).toContain("a forbidden name");
    expect(Reflect.get({}, "polluted")).toBeUndefined();
  });

  test("are what setups are given, and follow their files", async () => {
    using folder = new Folder({
      "config/alpha.toml": "[settings]\nbank_ms = 3\n[operations]\nhealth_enabled = false\n[logging]\nlevel = 'silent'\n",
    });
    const seen: unknown[] = [];
    const alpha = defineService("alpha", ({ config }) => void seen.push(config["settings"]));
    await (await runService(alpha, { follow: { cwd: folder.path, env: {}, settings } })).close();
    await (await runService(alpha, { config: loadConfig("alpha", { cwd: folder.path, env: {}, settings }) })).close();
    expect(seen).toMatchObject([{ bank_ms: 3 }, { bank_ms: 3 }]);

    const changes: unknown[] = [];
    await using watch = watchConfig("alpha", ({ changed, needsRestart }) => changes.push([changed, needsRestart]), {
      cwd: folder.path,
      env: {},
      settings,
    });
    await watch.ready;
    folder.write("config/alpha.toml", "[settings]\nbank_ms = 4\n[operations]\nhealth_enabled = false\n[logging]\nlevel = 'silent'\n");
    await expect.poll(() => changes, { timeout: 5000 }).toEqual([
      [[{ key: "settings.bank_ms", from: 3, to: 4, refused: false }], ["settings.bank_ms"]],
    ]);
    expect(Reflect.get(watch.config, "settings")).toMatchObject({ bank_ms: 4 });
  });
});
