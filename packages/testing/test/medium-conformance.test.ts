import { readFileSync } from "node:fs";
import { inProcess } from "@aether/core";
import { type ConformanceCase, mediumConformance, testAether } from "@aether/testing";
import { afterEach, describe, expect, test } from "vitest";
import { altered } from "./broken/altered.ts";
import { distant } from "./lawful/distant.ts";
import { minimal } from "./minimal-medium.ts";

describe("the in-process medium", () => {
  mediumConformance(() => inProcess(), { test });
});

describe("a medium that tells nobody how many heard", () => {
  const create = () => altered({ traits: { acknowledges: false }, propagate: (wave, next) => after(next(wave)) });
  mediumConformance(create, { test });

  function after(reach: unknown): undefined | Promise<undefined> {
    return reach instanceof Promise ? reach.then(() => undefined) : undefined;
  }
});

describe("a medium that hands waves over twice, and says so", () => {
  const create = () =>
    altered({
      traits: { duplicates: true },
      propagate(wave, next) {
        void next(wave);
        return next(wave);
      },
    });
  mediumConformance(create, { test });
});

describe("a medium like a network", () => {
  mediumConformance(distant(), { test });
});

describe("a medium like a network that keeps no order", () => {
  mediumConformance(
    distant({ ordered: false }, (n) => 1 + (n % 3)),
    { test },
  );
});

describe("the minimal medium of docs/writing-a-medium.md", () => {
  mediumConformance(() => minimal(), { test });

  test("carries an aether", async () => {
    await using t = await testAether({ medium: minimal() });
    await t.vibrator("beta").resonateOn("stock.*", (wave) => ({ channel: wave.channel }));
    const { payload } = await t.vibrator("alpha").query("stock.check");
    expect(payload).toEqual({ channel: "stock.check" });
    await expect(t.vibrator("alpha").query("nobody")).rejects.toMatchObject({ code: "AETHER_NO_RESONATOR" });
  });

  test("is the text that the page shows", () => {
    const page = read("../../../docs/writing-a-medium.md");
    const shown = [...page.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code]) => code);
    expect(shown).toContain(read("./minimal-medium.ts"));
  });
});

test("tests of a suite may share a medium, one after the other", async () => {
  const medium = inProcess();
  for (const { run } of mediumConformance(() => medium, { test: false })) {
    await run();
  }
});

describe("the suite and the contract", () => {
  const names = mediumConformance(() => inProcess(), { test: false }).map(({ name }) => name);
  const listed = guaranteesOf(read("../../core/src/medium/medium.ts"));

  test("each guarantee of the doc comment is one test", () => {
    expect(names).toEqual(expect.arrayContaining([...listed]));
    expect(new Set(names).size).toBe(names.length);
  });

  test("each test is one guarantee of the doc comment", () => {
    expect(names.filter((name) => !listed.includes(name))).toEqual([]);
  });

  test("each guarantee is explained in docs/writing-a-medium.md", () => {
    const page = read("../../../docs/writing-a-medium.md");
    const explained = [...page.matchAll(/^- \*\*(.+?)\*\*/gm)].map(([, name]) => name);
    expect([...explained].sort()).toEqual([...names].sort());
  });
});

describe("registering", () => {
  afterEach(() => {
    Reflect.deleteProperty(globalThis, "test");
    Reflect.deleteProperty(globalThis, "it");
  });

  const create = () => inProcess();

  test.each(["test", "it"])("uses the global %s of a runner", (word) => {
    const registered: string[] = [];
    Reflect.set(globalThis, word, (name: string) => registered.push(name));
    const cases = mediumConformance(create);
    expect(registered).toEqual(cases.map(({ name }) => name));
  });

  test("leaves the global test alone when told so", () => {
    Reflect.set(globalThis, "test", () => expect.unreachable());
    expect(mediumConformance(create, { test: false }).length).toBeGreaterThan(0);
  });

  test("is not needed", () => {
    const cases: readonly ConformanceCase[] = mediumConformance(create);
    expect(cases.every(({ name, run }) => name !== "" && run.length === 0)).toBe(true);
  });
});

function read(path: string): string {
  return readFileSync(new URL(path, import.meta.url), "utf8");
}

/** The list in the doc comment of `interface Medium`. */
function guaranteesOf(source: string): readonly string[] {
  const comment = source.slice(0, source.indexOf("export interface Medium {"));
  return [...comment.slice(comment.lastIndexOf("/**")).matchAll(/^ \* - (.+)$/gm)].map(([, name = ""]) => name);
}
