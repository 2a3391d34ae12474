/** What a crash leaves behind: one record, and an exit code that is not masked. */

import { describe, expect, test } from "vitest";
import { Child } from "./child.ts";

const QUIET = "[operations]\nhealth_enabled = false\n[observability]\nlog_json = true\n";

describe("a crash", () => {
  test.each([
    ["uncaught", "uncaughtException", 3],
    ["rejection", "unhandledRejection", 3],
    ["masked", "uncaughtException", 1],
  ] as const)("by %s is recorded once, and the process ends with 1", async (what, kind, runs) => {
    await Promise.all(
      Array.from({ length: runs }, async () => {
        await using child = new Child(what, QUIET);
        expect(await child.ended).toMatchObject({ code: 1, signal: null });
        expect(child.crashes).toHaveLength(1);
        expect(child.crashes[0]).toMatchObject({ level: "fatal", crash: kind, error: { type: "Error" } });
        expect(child.output.match(new RegExp(`"crash":"${kind}"`, "g"))).toHaveLength(1);
      }),
    );
  });

  test("by SIGABRT is recorded, and the process ends by that signal", async () => {
    await using child = new Child("aborting", QUIET);
    expect(await child.ended).toMatchObject({ code: null, signal: "SIGABRT" });
    expect(child.crashes).toMatchObject([{ crash: "SIGABRT" }]);
  });

  test("by SIGKILL or a heap that is full leaves no record", async () => {
    await using killed = new Child("quiet", QUIET);
    await killed.up;
    killed.kill("SIGKILL");
    expect(await killed.ended).toMatchObject({ signal: "SIGKILL" });
    expect(killed.crashes).toEqual([]);
    await using full = new Child("fills", QUIET, {}, ["--max-old-space-size=32"]);
    const { code, signal } = await full.ended;
    expect(signal ?? code).not.toBe(0);
    expect(full.crashes).toEqual([]);
  });

  test("a start that fails ends with 1 and a line that says why", async () => {
    await using child = new Child("quiet", "[service]\nnoise_flor = 1\n");
    expect(await child.ended).toMatchObject({ code: 1 });
    expect(child.output).toContain("noise_floor");
  });
});
