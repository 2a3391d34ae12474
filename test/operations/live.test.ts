/** What follows a change of the configuration while a process runs, and what a system cannot do. */

import { expect, test } from "vitest";
import { Child } from "./child.ts";

const config = (level: string, more = ""): string =>
  `[logging]\nlevel = "${level}"\n[observability]\nlog_json = true\n[resource_monitoring]\ninterval_ms = 20\n[operations]\nhealth_enabled = false\n${more}`;

test.each([
  ["warn", true],
  ["error", false],
] as const)("level %s and the limit of memory follow their file", async (level, isTold) => {
  await using child = new Child("quiet", config("error"));
  await child.up;
  child.configure(config(level, "memory_limit_bytes = 1000000\n"));
  expect(await child.ended).toMatchObject({ code: 1 });
  expect(child.crashes).toMatchObject([{ crash: "limit" }]);
  expect(child.output.includes("Noise floors follow the memory that is left")).toBe(isTold);
});

test("a limit of processor time that cannot be set is refused at the start, with its key", async () => {
  await using child = new Child("quiet", config("info", "cpu_time_limit_secs = 5\n"), { PATH: "/nonexistent" });
  expect(await child.ended).toMatchObject({ code: 1 });
  expect(child.output).toContain("AETHER_UNSUPPORTED");
  expect(child.output).toContain("operations.cpu_time_limit_secs");
});
