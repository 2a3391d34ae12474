/** Secrets come from outside, never print, and are refused where others could have read them. */

import { chmodSync, mkdirSync, symlinkSync } from "node:fs";
import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { secretFile } from "../../src/config/secret-file.ts";
import { loadConfig, mediumChoiceOf, Secret } from "../../src/index.ts";
import { Folder, refusalOf } from "./folder.ts";

const CANARY = "canary-4711";

describe("a secret", () => {
  const secret = new Secret(CANARY);

  test.each<[string, () => unknown]>([
    ["String", () => String(secret)],
    ["a template", () => `${secret}`],
    ["a sum", () => `${["", secret].join("")}`],
    ["JSON", () => JSON.stringify({ secret, list: [secret] })],
    ["inspect", () => inspect({ secret }, { showHidden: true, depth: 9, getters: true })],
    ["keys", () => JSON.stringify(Object.entries(secret))],
    ["a spread", () => JSON.stringify({ ...secret })],
    ["a clone", () => inspect(structuredClone(secret))],
    ["an error", () => inspect(new Error("x", { cause: secret }))],
  ])("does not come out by %s", (_, print) => {
    expect(String(print())).not.toContain("canary");
  });

  test("prints as [redacted] and comes out by `reveal`", () => {
    expect([String(secret), JSON.stringify(secret), inspect(secret)]).toEqual([
      "[redacted]",
      '"[redacted]"',
      "[redacted]",
    ]);
    expect(secret.reveal()).toBe(CANARY);
  });

  test("matches what is the same, whatever the lengths", () => {
    expect(secret.matches(CANARY)).toBe(true);
    expect(secret.matches(new Secret(CANARY))).toBe(true);
    expect(secret.matches(`${CANARY}x`)).toBe(false);
    expect(secret.matches("")).toBe(false);
  });
});

describe("what is put in", () => {
  const token = (text: string): string => `[aether]\n\nauth_token = '${text}'\n`;

  test("is a variable, a file, or parts of a text", () => {
    using folder = new Folder({ "secrets/a": `${CANARY}\n` });
    const load = (text: string): string | undefined => {
      folder.write("config/default.toml", token(text));
      return folder.load({ TOKEN: CANARY, OTHER: "$" + "{TOKEN}" }).config.aether.auth_token?.reveal();
    };
    expect(load("${TOKEN}")).toBe(CANARY);
    expect(load("a-${TOKEN}-${TOKEN}")).toBe(`a-${CANARY}-${CANARY}`);
    expect(load(`\${file:${folder.at("secrets/a")}}`)).toBe(CANARY);
    expect(load("${file:secrets/a}")).toBe(CANARY);
    expect(load("$${TOKEN}")).toBe("${TOKEN}");
    expect(load("${OTHER}")).toBe("${TOKEN}");
    expect(load("$5")).toBe("$5");
  });

  test("works in the environment, too, and for what is no secret by variables", () => {
    using folder = new Folder({
      "secrets/a": CANARY,
      "config/default.toml": "[aether]\nnats_url = 'nats://${HOST}'\n",
    });
    const { aether } = folder.load({ HOST: "a:1", AETHER__AETHER__AUTH_TOKEN: "${file:secrets/a}" }).config;
    expect(aether.auth_token?.reveal()).toBe(CANARY);
    expect(aether.nats_url).toBe("nats://a:1");
  });

  test.each([
    ["${TOKEN}", "given by the variable TOKEN, got none"],
    ["${EMPTY}", "given by the variable EMPTY, got an empty one"],
    ["${toString}", "given by the variable toString, got none"],
    ["${", "ends what begins"],
    ["${}", "between the braces"],
    ["${a b}", "between the braces"],
    ["${file:secrets/none}", "a file that exists, got none"],
    ["${file:secrets}", "a regular file"],
    ["${file:secrets/empty}", "not empty"],
    ["${file:secrets/large}", "at most 65536 bytes"],
    ["${file:secrets/open}", "a file of mode 0600, 0400 or 0440, got mode 0644"],
    ["${file:secrets/group}", "got mode 0660"],
  ])("%s is refused with key, file and line, and without a secret", (text, complaint) => {
    using folder = new Folder({
      "secrets/empty": "\n",
      "secrets/large": CANARY.repeat(10_000),
      "config/default.toml": token(text),
    });
    folder.write("secrets/open", CANARY, 0o644);
    folder.write("secrets/group", CANARY, 0o660);
    const { message } = refusalOf(() => folder.load({ EMPTY: "" }));
    expect(message).toContain("config/default.toml:3: expected `aether.auth_token` to be ");
    expect(message).toContain(complaint);
    expect(message).not.toContain("canary");
  });

  test("is no file where the key is no secret", () => {
    using folder = new Folder({
      "secrets/a": CANARY,
      "config/default.toml": "[aether]\nnats_url = '${file:secrets/a}'\n",
    });
    const { message } = refusalOf(() => folder.load());
    expect(message).toContain("only secrets come from files");
    expect(message).not.toContain("canary");
  });
});

describe("the mode of a secret's file", () => {
  test.each([0o600, 0o400, 0o440, 0o640])("%o will do", (mode) => {
    using folder = new Folder();
    folder.write("a", CANARY, mode);
    expect(secretFile(folder.at("a"))).toBe(CANARY);
  });

  test.each([0o644, 0o604, 0o660, 0o602, 0o666])("%o is refused", (mode) => {
    using folder = new Folder();
    folder.write("a", CANARY, mode);
    expect(secretFile(folder.at("a"))).toMatchObject({ got: `mode 0${mode.toString(8)}` });
  });

  test("may be 0644 where Kubernetes has mounted the file, and others may never write it", () => {
    using folder = new Folder();
    folder.write("..2026_01_01_00_00_00.1/token", CANARY, 0o644);
    symlinkSync("..2026_01_01_00_00_00.1", folder.at("..data"));
    symlinkSync("..data/token", folder.at("token"));
    expect(secretFile(folder.at("token"))).toBe(CANARY);
    chmodSync(folder.at("token"), 0o646);
    expect(secretFile(folder.at("token"))).toMatchObject({ got: "mode 0646" });
  });
});

describe("the canary", () => {
  test("is in no error, warning, origin, print or option that comes of the configuration", () => {
    const wrong = [
      `auth_token = "${CANARY}" x`,
      `auth_token = ["${CANARY}"]`,
      `auth_token = "${CANARY}\n`,
      `auth_token = { a = "${CANARY}" }`,
      `auth_tokem = "${CANARY}"`,
      `nats_url = "nats://user:${CANARY}@host"`,
      `nats_url = "nats://user:${CANARY}/x@host"`,
      `nats_url = "nats://a,nats://user:${CANARY}@host"`,
      `nats_url = "user:${CANARY}@host"`,
      'nats_url = "nats://user:${TOKEN}@host"',
      'nats_url = "http://${TOKEN}"',
      'recorded = ["${TOKEN}.."]',
      `nats_password = "${CANARY}"`,
      `nats_user = "a"\nnats_token = "${CANARY}"`,
    ];
    const said: string[] = [];
    for (const text of wrong) {
      using folder = new Folder({ "config/default.toml": `[aether]\n${text}\n` });
      for (const load of [
        () => folder.load({ TOKEN: CANARY }),
        () => folder.load({ TOKEN: CANARY, AETHER__AETHER__NATS_URL: `nats://u:${CANARY}@h` }),
        () => folder.load({ TOKEN: CANARY }, { "observability.otlp_endpoint": `http://u:${CANARY}@h` }),
      ]) {
        const error = refusalOf(load);
        said.push(error.message, error.stack ?? "", inspect(error, { depth: 9 }), JSON.stringify(error.details));
      }
    }
    using folder = new Folder();
    folder.write(
      "config/default.toml",
      `[aether]\nuse_nats = true\nauth_token = "${CANARY}"\nnats_user = "a"\nnats_password = '\${TOKEN}'\n`,
      0o644,
    );
    const loaded = folder.load({ TOKEN: CANARY });
    expect(loaded.warnings).toEqual([expect.stringContaining("config/default.toml:3: `aether.auth_token`")]);
    const medium = mediumChoiceOf(loaded.config);
    for (const value of [loaded, loaded.config, loaded.warnings, loaded.origin("aether.auth_token"), medium]) {
      said.push(String(value), inspect(value, { depth: 9, showHidden: true }), JSON.stringify(value));
    }
    expect(said.length).toBeGreaterThan(150);
    expect(said.filter((text) => text.includes(CANARY))).toEqual([]);
    // The control: it is there, for whoever asks.
    expect(loaded.config.aether.nats_password?.reveal()).toBe(CANARY);
  });

  test("a secret in a file that only its owner reads needs no warning", () => {
    using folder = new Folder({ "config/default.toml": `[aether]\nauth_token = "${CANARY}"\n` });
    expect(folder.load().warnings).toEqual([]);
  });

  test("a pipe in the place of a secret does not hold anybody up", () => {
    using folder = new Folder();
    mkdirSync(folder.at("a"));
    expect(secretFile(folder.at("a"))).toMatchObject({ got: "something else" });
    expect(loadConfig("service-alpha", { cwd: folder.path, env: {} }).warnings).toEqual([]);
  });
});
