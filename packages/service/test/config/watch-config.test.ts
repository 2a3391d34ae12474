/** `watchConfig` on real files: what is written, renamed, deleted and linked anew is followed. */

import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { AetherError } from "@aether/core";
import { describe, expect, test } from "vitest";
import { type ConfigWatch, type Reload, type WatchOptions, watchConfig } from "../../src/index.ts";
import { Folder, refusalOf } from "./folder.ts";

function state(retries: number): string {
  return `[service]\nretry_max = ${retries}\n`;
}

/** A watch that collects what it is told, and whoever waits for the next of it. */
class Followed implements AsyncDisposable {
  readonly reloads: Reload[] = [];
  readonly errors: unknown[] = [];
  readonly watch: ConfigWatch;
  #told = (): void => {};

  constructor(folder: Folder, options: WatchOptions = {}) {
    this.watch = watchConfig("service-alpha", (reload) => this.#take(this.reloads, reload), {
      cwd: folder.path,
      env: {},
      settleMs: 20,
      onError: (error) => this.#take(this.errors, error),
      ...options,
    });
  }

  #take<T>(list: T[], item: T): void {
    list.push(item);
    this.#told();
  }

  /** Resolves once `isDone`; the time limit of the test is the only one. */
  async until(isDone: () => boolean): Promise<void> {
    while (!isDone()) {
      await new Promise<void>((resolve) => {
        this.#told = resolve;
      });
    }
  }

  async retries(count: number): Promise<void> {
    await this.until(() => this.watch.config.service.retry_max === count);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.watch.close();
  }
}

describe("following", () => {
  test("a file that is changed, replaced by a rename, deleted, and made anew", async () => {
    using folder = new Folder({ "config/default.toml": state(1) });
    await using followed = new Followed(folder);
    await followed.watch.ready;
    folder.write("config/default.toml", state(2));
    await followed.retries(2);
    folder.write("config/next", state(4));
    renameSync(folder.at("config/next"), folder.at("config/default.toml"));
    await followed.retries(4);
    folder.remove("config/default.toml");
    await followed.retries(3);
    folder.write("config/default.toml", state(5));
    await followed.retries(5);
    expect(followed.reloads.at(-1)).toMatchObject({
      changed: [{ key: "service.retry_max", from: 3, to: 5, refused: false }],
      needsRestart: [],
    });
    expect(followed.errors).toEqual([]);
  });

  test("files, and their folder, that were not there at the start", async () => {
    using folder = new Folder();
    await using followed = new Followed(folder);
    await followed.watch.ready;
    mkdirSync(folder.at("config"));
    folder.write("config/development.toml", state(6));
    await followed.retries(6);
    folder.write("config/service-alpha.toml", state(7));
    await followed.retries(7);
  });

  test("the file in AETHER_CONFIG, wherever it lies", async () => {
    using folder = new Folder();
    using other = new Folder({ "deep/er/own.toml": state(1) });
    await using followed = new Followed(folder, { env: { AETHER_CONFIG: other.at("deep/er/own.toml") } });
    await followed.watch.ready;
    other.write("deep/er/own.toml", state(2));
    await followed.retries(2);
  });

  test("a link that is turned, as Kubernetes does", async () => {
    using folder = new Folder({ "config/..1/default.toml": state(1), "config/..2/default.toml": state(2) });
    symlinkSync("..1", folder.at("config/..data"));
    symlinkSync("..data/default.toml", folder.at("config/default.toml"));
    await using followed = new Followed(folder);
    await followed.watch.ready;
    symlinkSync("..2", folder.at("config/..data_tmp"));
    renameSync(folder.at("config/..data_tmp"), folder.at("config/..data"));
    await followed.retries(2);
  });

  test("the file of a secret, also one that was named later", async () => {
    using folder = new Folder({ "secrets/a": "one", "secrets/b": "two" });
    folder.write("config/default.toml", "[aether]\nauth_token = '${file:secrets/a}'\n");
    await using followed = new Followed(folder);
    const token = (): string | undefined => followed.watch.config.aether.auth_token?.reveal();
    await followed.watch.ready;
    folder.write("secrets/a", "three");
    await followed.until(() => token() === "three");
    folder.write("config/default.toml", "[aether]\nauth_token = '${file:secrets/b}'\n");
    await followed.until(() => token() === "two");
    folder.write("secrets/b", "four");
    await followed.until(() => token() === "four");
    expect(followed.reloads.at(-1)?.changed).toEqual([
      { key: "aether.auth_token", from: "[redacted]", to: "[redacted]", refused: false },
    ]);
  });

  test("what was changed between the load and the first look is not missed", async () => {
    using folder = new Folder({ "config/default.toml": state(1) });
    await using followed = new Followed(folder);
    folder.write("config/default.toml", state(2));
    await followed.retries(2);
  });
});

describe("what is wrong", () => {
  test("is told, and the old configuration stays until it is right again", async () => {
    using folder = new Folder({ "config/default.toml": state(1) });
    await using followed = new Followed(folder);
    await followed.watch.ready;
    folder.write("config/default.toml", '[service]\nretry_max = "many"\n');
    await followed.until(() => followed.errors.length > 0);
    expect(followed.errors[0]).toBeInstanceOf(AetherError);
    expect(String(followed.errors[0])).toContain("config/default.toml:2");
    expect(followed.watch.config.service.retry_max).toBe(1);
    expect(followed.reloads).toEqual([]);
    folder.write("config/default.toml", state(2));
    await followed.retries(2);
  });

  test("a file that is written in parts is not taken before it is whole", async () => {
    using folder = new Folder({ "config/default.toml": state(1) });
    await using followed = new Followed(folder, { settleMs: 200 });
    await followed.watch.ready;
    for (const part of ["[service]\n", "retry_max", " = 8", "\nmax_inflight = 9\n"]) {
      writeFileSync(folder.at("config/default.toml"), part, { flag: part.startsWith("[") ? "w" : "a" });
      await new Promise((resolve) => setImmediate(resolve));
    }
    await followed.retries(8);
    expect(followed.errors).toEqual([]);
    expect(followed.reloads.map(({ config }) => config.service.max_inflight)).toEqual([9]);
  });

  test("at the start is thrown, as by `loadConfig`", () => {
    using folder = new Folder({ "config/default.toml": "[service]\nx = 1\n" });
    expect(refusalOf(() => new Followed(folder)).code).toBe("AETHER_BAD_CONFIG");
  });

  test.each([
    ["onError", { onError: 1 }],
    ["settleMs", { settleMs: 0 }],
    ["options", { cwdd: "x" }],
  ])("%s is checked", (_, options) => {
    using folder = new Folder();
    expect(refusalOf(() => new Followed(folder, JSON.parse(JSON.stringify(options)))).code).toBe("AETHER_BAD_OPTION");
  });
});

test("nobody is told anything after it was closed", async () => {
  using folder = new Folder({ "config/default.toml": state(1) });
  const closed = new Followed(folder);
  await using open = new Followed(folder);
  await Promise.all([closed.watch.ready, open.watch.ready]);
  await closed.watch.close();
  await closed.watch.close();
  folder.write("config/default.toml", state(2));
  await open.retries(2);
  rmSync(folder.at("config"), { recursive: true });
  await open.retries(3);
  expect(closed.reloads).toEqual([]);
});
