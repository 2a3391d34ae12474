/** What the doors of a run say, and that they say it in time. */

import { connect, createServer } from "node:net";
import { AetherError } from "@aether/core";
import { defineService, type Flags, loadConfig, runService } from "@aether/service";
import { describe, expect, test } from "vitest";
import { freePort, NatsServer } from "../../packages/nats/test/nats-server.ts";
import { ask, probes } from "./ask.ts";

/** A configuration that knows nothing of the files and variables around. */
function configOf(flags: Flags) {
  return loadConfig("worker", { cwd: "/nonexistent", env: {}, flags: { "logging.level": "silent", ...flags } });
}

const idle = defineService("worker", () => {});
const UP = { livez: 200, readyz: 200, startupz: 200 };

describe("health", () => {
  test("a run is ready once its needs are heard, and no more once it drains", async () => {
    const port = await freePort();
    const config = configOf({ "operations.health_bind": `127.0.0.1:${port}` });
    let finish = (): void => {};
    const draining = new Promise<void>((resolve) => {
      finish = resolve;
    });
    let begin = (): void => {};
    const waits = new Promise<void>((resolve) => {
      begin = resolve;
    });
    const service = defineService(
      "worker",
      async ({ vibrator, aether }) => {
        void waits.then(() => aether.vibrator("other").resonateOn("needed"));
        await vibrator.resonateOn("work", () => draining);
      },
      { needs: ["needed"] },
    );
    const starting = runService(service, { config });
    await expect
      .poll(() => probes(port).catch(() => undefined), { timeout: 10_000 })
      .toEqual({ livez: 200, readyz: 503, startupz: 503 });
    expect((await ask(port, "/readyz?verbose")).text).toContain("[-] worker started failed");
    begin();
    const run = await starting;
    expect(await probes(port)).toEqual(UP);
    expect(await ask(port, "/readyz")).toEqual({ status: 200, text: "ok\n" });
    await run.aether.vibrator("source").emit("work", {});
    await expect.poll(() => run.aether.stats().running, { timeout: 10_000 }).toBe(1);
    const closing = run.close();
    expect(await probes(port)).toEqual({ livez: 200, readyz: 503, startupz: 200 });
    expect((await ask(port, "/readyz?verbose")).text).toContain("[-] worker open failed");
    finish();
    await closing;
    await expect(ask(port, "/livez")).rejects.toThrow(/ECONNREFUSED/);
  });

  test("a server that is killed makes it unready within 2 s, and ready when it is back; it stays alive", async () => {
    const server = await NatsServer.start();
    await using _server = server;
    const port = await freePort();
    const config = configOf({
      "operations.health_bind": `127.0.0.1:${port}`,
      "aether.use_nats": true,
      "aether.nats_url": server.url,
    });
    await using _ = await runService(idle, { config });
    for (let round = 0; round < 2; round++) {
      expect(await probes(port)).toEqual(UP);
      await server.kill("SIGKILL");
      await expect.poll(() => probes(port), { timeout: 2000, interval: 20 }).toEqual({ ...UP, readyz: 503 });
      expect((await ask(port, "/readyz?verbose")).text).toContain("[-] worker medium failed");
      await server.run();
      await expect.poll(() => probes(port), { timeout: 5000, interval: 20 }).toEqual(UP);
    }
  });
});

describe("doors", () => {
  test("health and metrics share one that has the same address, and so do several runs", async () => {
    const bind = `127.0.0.1:${await freePort()}`;
    const port = Number(bind.split(":")[1]);
    const config = configOf({
      "operations.health_bind": bind,
      "observability.metrics_bind": bind,
      "observability.metrics_enabled": true,
      "resource_monitoring.allocator_metrics_enabled": true,
    });
    const one = await runService(idle, { config });
    await one.aether.vibrator("source").emit("nobody", {});
    const alone = await ask(port, "/metrics");
    expect(alone.text).toMatch(/^aether_waves_emitted_total 1$/m);
    expect(alone.text).toMatch(/^aether_process_memory_bytes\{kind="rss"\} \d/m);
    expect(alone.text).toMatch(/^aether_process_heap_space_bytes\{space="new_space",state="used"\} \d/m);
    expect(alone.text).toMatch(/^process_cpu_seconds_total \d/m);
    const two = await runService(
      defineService("other", () => {}),
      { config },
    );
    await two.aether.vibrator("source").emit("nobody", {});
    const both = await ask(port, "/metrics");
    expect(both.text).toMatch(/^aether_waves_emitted_total 2$/m);
    expect((await ask(port, "/readyz?verbose")).text).toContain("[+] other medium ok");
    await one.close();
    expect(await probes(port)).toEqual(UP);
    await two.close();
    await expect(ask(port, "/livez")).rejects.toThrow(/ECONNREFUSED/);
  });

  test("a taken port is refused with a code and the key that is to blame, and nothing stays open", async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
    const address = taken.address();
    const bind = `127.0.0.1:${typeof address === "object" ? address?.port : 0}`;
    for (const key of ["operations.health_bind", "observability.metrics_bind"]) {
      const config = configOf({
        "operations.health_bind": "127.0.0.1:0",
        "observability.metrics_enabled": true,
        [key]: bind,
      });
      const error = await runService(idle, { config }).then(
        () => expect.unreachable(),
        (cause: unknown) => cause,
      );
      expect(error).toBeInstanceOf(AetherError);
      expect(error).toMatchObject({ code: "AETHER_ADDRESS_TAKEN", details: { key, bind } });
      expect(String(error)).toContain(`\`${key}\``);
    }
    taken.close();
  });

  test("strangers, other methods and odd paths get short answers without stacks or paths", async () => {
    const port = await freePort();
    await using _ = await runService(idle, { config: configOf({ "operations.health_bind": `127.0.0.1:${port}` }) });
    const asked = [
      ["/", "GET"],
      ["/metrics", "GET"],
      ["/livez", "POST"],
      ["/__proto__", "GET"],
      ["/constructor", "GET"],
      ["/livez/../etc/passwd", "GET"],
      ["/%00?%", "GET"],
    ] as const;
    for (const [path, method] of asked) {
      const { status, text } = await ask(port, path, method);
      expect([404, 405]).toContain(status);
      expect(text).toMatch(/^(not found|method not allowed)\n$/);
    }
  });

  test("headers of more than 8 KiB are refused, and slow requests do not hold up others", async () => {
    const port = await freePort();
    await using _ = await runService(idle, { config: configOf({ "operations.health_bind": `127.0.0.1:${port}` }) });
    expect((await ask(port, "/livez", "GET", { "x-long": "a".repeat(7 * 1024) })).status).toBe(200);
    expect((await ask(port, "/livez", "GET", { "x-long": "a".repeat(9 * 1024) })).status).toBe(431);
    const slow = Array.from({ length: 50 }, () => connect({ host: "127.0.0.1", port }));
    for (const socket of slow) {
      socket.on("error", () => undefined);
      socket.write("GET /livez HTTP/1.1\r\n");
    }
    const startedAt = performance.now();
    expect((await ask(port, "/livez")).status).toBe(200);
    expect(performance.now() - startedAt).toBeLessThan(1000);
    for (const socket of slow) {
      socket.destroy();
    }
  });
});
