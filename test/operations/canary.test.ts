/** A secret is nowhere: not in the log at any level, in an error, in the record of a crash, in metrics or in health. */

import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { ask } from "./ask.ts";
import { Child } from "./child.ts";

const CANARY = 'canary-"7f3a\\9b';

test("a secret of the configuration appears nowhere; the control is that the same lines are there", async () => {
  const toml = `
[aether]
nats_user = "user"
nats_password = "\${CANARY}"
[logging]
level = "trace"
[observability]
log_json = true
metrics_enabled = true
metrics_bind = "127.0.0.1:0"
[operations]
health_bind = "127.0.0.1:0"
`;
  await using child = new Child("talkative", toml, { CANARY });
  const port = await child.port();
  const pages = await Promise.all(["/readyz?verbose", "/metrics", "/nothing"].map((path) => ask(port, path)));
  expect(pages.map(({ status }) => status)).toEqual([200, 200, 404]);
  child.kill("SIGUSR2");
  expect(await child.ended).toMatchObject({ code: 1 });
  const seen = [child.output, readFileSync(child.crashFile, "utf8"), ...pages.map(({ text }) => text)].join("\n");
  for (const hidden of [CANARY, JSON.stringify(CANARY).slice(1, -1), "7f3a"]) {
    expect(seen.split(hidden).length - 1).toBe(0);
  }
  for (const level of ["debug", "info", "warn", "error", "fatal"]) {
    expect(seen).toContain(`"level":"${level}"`);
  }
  expect(seen).toContain("a message with [redacted]");
  expect(seen).toContain("refused [redacted]");
});
