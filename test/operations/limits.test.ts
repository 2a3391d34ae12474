/** What a process may use, and how it ends when it uses more. */

import { describe, expect, test } from "vitest";
import { Child } from "./child.ts";

const QUIET = "[operations]\nhealth_enabled = false\n[observability]\nlog_json = true\n";

describe("a limit", () => {
  test("of memory ends the process with a record and 1, after the floors have risen", async () => {
    const limit = 180 * 1024 * 1024;
    await using child = new Child(
      "grows",
      `${QUIET}[resource_monitoring]\ninterval_ms = 20\n`.replace(
        "[operations]\n",
        `[operations]\nmemory_limit_bytes = ${limit}\n`,
      ),
    );
    expect(await child.ended).toMatchObject({ code: 1, signal: null });
    expect(child.crashes).toMatchObject([{ crash: "limit", error: { code: "AETHER_OVER_LIMIT" } }]);
    expect(child.output).toContain("Noise floors follow the memory that is left");
  });

  test("of processor time ends the process with a record and 1", async () => {
    await using child = new Child("burns", QUIET.replace("[operations]\n", "[operations]\ncpu_time_limit_secs = 2\n"));
    expect(await child.ended).toMatchObject({ code: 1, signal: null });
    expect(child.crashes).toMatchObject([{ crash: "limit", error: { code: "AETHER_OVER_LIMIT" } }]);
  });
});
