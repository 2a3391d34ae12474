/** What a configuration does to a run, and what setups are given of it. */

import { createServer } from "node:http";
import { Aether } from "@aether/core";
import { describe, expect, test } from "vitest";
import { defineService, type Flags, loadConfig, runService, type ServiceConfig } from "../src/index.ts";

/** A configuration that knows nothing of the files and variables around. */
function loadedBy(flags: Flags = {}) {
  const quiet = { "logging.level": "silent", "operations.health_enabled": false };
  return loadConfig("worker", { cwd: "/nonexistent", env: {}, flags: { ...quiet, ...flags } });
}

/** Starts a service on "work"; gives what it was given, and its floor and name. */
async function started(options: Parameters<typeof runService>[1]) {
  let given: ServiceConfig = {};
  const service = defineService("worker", async ({ vibrator, config }) => {
    given = config;
    await vibrator.resonateOn("work", () => "done");
  });
  await using run = await runService(service, options);
  const [own] = [...run.aether.resonances()];
  return { given, floor: own?.resonance.stats().floor, name: own?.vibrator };
}

describe("the option config", () => {
  test("as plain values goes to setups and changes nothing else", async () => {
    const { given, floor, name } = await started({ config: { seed: 7 } });
    expect([given, floor, name]).toEqual([{ seed: 7 }, 0.01, "worker"]);
  });

  test.each([
    ["what loadConfig gives", (loaded: ReturnType<typeof loadedBy>) => loaded],
    ["its config", ({ config }: ReturnType<typeof loadedBy>) => config],
  ])("as %s drives the run, and setups are given it", async (_, of) => {
    const loaded = loadedBy({ "service.noise_floor": 0.3, "service.name": "another" });
    const { given, floor, name } = await started({ config: of(loaded) });
    expect([floor, name]).toEqual([0.3, "another"]);
    expect(given["service"]).toBe(loaded.config.service);
  });

  test("has its limits and laws in force, and options of connect go over them", async () => {
    const config = loadedBy({ "aether.max_payload_bytes": 10, "service.retry_max": 0 });
    await using run = await runService(
      defineService("worker", () => {}),
      { config },
    );
    const alpha = run.aether.vibrator("alpha");
    await expect(alpha.emit("work", "more than ten bytes")).rejects.toMatchObject({ code: "AETHER_TOO_LARGE" });
    await using wide = await runService(
      defineService("worker", () => {}),
      { config, limits: {} },
    );
    await wide.aether.vibrator("alpha").emit("work", "more than ten bytes");
  });

  test("with an endpoint sends spans, the last ones at the end", async () => {
    const paths: (string | undefined)[] = [];
    let bytes = 0;
    const collector = createServer((request, response) => {
      paths.push(request.url);
      request.on("data", (part: Buffer) => {
        bytes += part.length;
      });
      request.on("end", () => response.end("{}"));
    });
    await new Promise<void>((resolve) => collector.listen(0, "127.0.0.1", resolve));
    const address = collector.address();
    const port = typeof address === "object" ? address?.port : 0;
    const config = loadedBy({ "observability.otlp_endpoint": `http://127.0.0.1:${port}` });
    const run = await runService(
      defineService("worker", () => {}),
      { config },
    );
    await run.aether.vibrator("alpha").emit("work", {});
    await run.close();
    expect(paths).toEqual(["/v1/traces"]);
    expect(bytes).toBeGreaterThan(0);
    collector.closeAllConnections();
    collector.close();
  });
});

test("policies of a run leave others on a shared aether alone", async () => {
  await using aether = await Aether.connect();
  const config = loadedBy({ "service.rate_limit_per_sec": 1 });
  const run = await runService(
    defineService("worker", async ({ vibrator }) => {
      await vibrator.emit("work", {});
      await expect(vibrator.emit("work", {})).rejects.toMatchObject({ code: "AETHER_BUSY" });
    }),
    { aether, config },
  );
  const other = aether.vibrator("other");
  await other.emit("work", {});
  await other.emit("work", {});
  await run.close();
});
