import { Aether, channel, type Wave } from "@aether/core";
import { InMemorySpanExporter } from "@opentelemetry/sdk-trace-base";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { type TracingOptions, tracing } from "../src/index.ts";

async function traced(options: Partial<TracingOptions> = {}, causality: "implicit" | "explicit" = "implicit") {
  const aether = await Aether.connect({ causality });
  const exporter = new InMemorySpanExporter();
  const tracer = tracing(aether, { serviceName: "shop", exporter, ...options });
  const spans = async () => {
    await tracer.flush();
    return exporter.getFinishedSpans();
  };
  return { aether, tracer, spans };
}

/** Resolves to the wave of the last step: created → checked → done. */
async function order(aether: Aether): Promise<void> {
  const ended = new Promise<void>((resolve) => {
    void aether.vibrator("gamma").resonateOn("stock.reserved", () => resolve());
  });
  await aether.vibrator("beta").resonateOn("orders.created", async (_wave, ctx) => {
    await ctx.emit("stock.reserved");
  });
  await aether.whenHeard("stock.reserved");
  await aether.vibrator("alpha").emit("orders.created", { id: 1 }, { amplitude: 0.9 });
  await ended;
}

describe("tracing", () => {
  test.each(["implicit", "explicit"] as const)(
    "joins emit, handler, caused emit and handler in one trace (%s)",
    async (causality) => {
      const { aether, spans } = await traced({}, causality);
      await order(aether);
      await aether.close();
      const all = await spans();
      const byName = new Map(all.map((span) => [span.name, span]));
      expect([...byName.keys()].sort()).toEqual([
        "process orders.created",
        "process stock.reserved",
        "send orders.created",
        "send stock.reserved",
      ]);
      expect(new Set(all.map((span) => span.spanContext().traceId)).size).toBe(1);
      const parentOf = (name: string) => byName.get(name)?.parentSpanContext?.spanId;
      const idOf = (name: string) => byName.get(name)?.spanContext().spanId;
      expect(parentOf("send orders.created")).toBeUndefined();
      expect(parentOf("process orders.created")).toBe(idOf("send orders.created"));
      expect(parentOf("send stock.reserved")).toBe(idOf("process orders.created"));
      expect(parentOf("process stock.reserved")).toBe(idOf("send stock.reserved"));
      expect(byName.get("process orders.created")?.attributes).toMatchObject({
        "messaging.system": "aether",
        "messaging.destination.name": "orders.created",
        "aether.amplitude": 0.9,
        "aether.hops": 1,
      });
    },
  );

  test("joins what a handler emits whose payload was parsed by a schema", async () => {
    const { aether, spans } = await traced({}, "explicit");
    const Orders = channel("orders.created", { schema: z.object({ id: z.coerce.number() }) });
    await aether.vibrator("beta").resonateOn(Orders, (_wave, ctx) => void ctx.emit("stock.reserved"));
    await aether.vibrator("alpha").emit(Orders, { id: "1" });
    await expect.poll(async () => (await spans()).map(({ name }) => name)).toContain("send stock.reserved");
    await aether.close();
    const byName = new Map((await spans()).map((span) => [span.name, span]));
    expect(byName.get("send stock.reserved")?.parentSpanContext?.spanId).toBe(
      byName.get("process orders.created")?.spanContext().spanId,
    );
  });

  test.each([
    ["at once", () => Promise.reject(Object.create(null))],
    [
      "later",
      () => {
        throw Object.create(null);
      },
    ],
  ])("ends the span of a handler that throws what cannot be shown (%s)", async (_, handler) => {
    const { aether, spans } = await traced();
    await aether.vibrator("beta").resonateOn("orders.created", handler);
    await aether.vibrator("alpha").emit("orders.created");
    await expect.poll(() => aether.stats().failed).toBe(1);
    await aether.close();
    const span = (await spans()).find(({ name }) => name === "process orders.created");
    expect(span?.status).toMatchObject({ code: 2 });
  });

  test("says which handler failed", async () => {
    const { aether, spans } = await traced();
    await aether.vibrator("beta").resonateOn("orders.created", () => {
      throw new Error("no stock");
    });
    await aether.vibrator("alpha").emit("orders.created");
    await aether.close();
    const span = (await spans()).find(({ name }) => name === "process orders.created");
    expect(span?.status).toMatchObject({ code: 2, message: "no stock" });
  });

  test("keeps the more of the louder, and a trace whole", async () => {
    const { aether, spans } = await traced({ sampling: "amplitude" });
    await aether.vibrator("beta").resonateOn("*.reading", () => {});
    const alpha = aether.vibrator("alpha");
    for (let at = 0; at < 400; at++) {
      await alpha.emit("loud.reading", at, { amplitude: 1 });
      await alpha.emit("quiet.reading", at, { amplitude: 0.1 });
    }
    await aether.close();
    const names = (await spans()).map(({ name }) => name);
    const count = (name: string): number => names.filter((one) => one === name).length;
    expect(count("send loud.reading")).toBe(400);
    expect(count("send quiet.reading")).toBeLessThan(100);
    expect(count("process quiet.reading")).toBe(count("send quiet.reading"));
  });

  test("keeps a trace whole or not at all, and carries on which", async () => {
    const { aether, tracer, spans } = await traced({ sampling: 0.5 }, "explicit");
    const ends: Wave[] = [];
    await aether.vibrator("beta").resonateOn("orders.created", async (wave, ctx) => {
      expect(wave.headers["mine"]).toBe("as it was");
      tracer.tracer.startSpan("own", {}, tracer.contextOf(wave)).end();
      await ctx.emit("stock.reserved");
    });
    await aether.vibrator("gamma").resonateOn("stock.reserved", (wave) => void ends.push(wave));
    const alpha = aether.vibrator("alpha");
    for (let n = 0; n < 200; n++) {
      await alpha.emit("orders.created", n, { headers: { mine: "as it was" } });
    }
    await aether.close();
    const all = await spans();
    const kept = ends.filter(({ headers }) => headers["traceparent"]?.endsWith("-01"));
    const others = ends.filter(({ headers }) => headers["traceparent"]?.endsWith("-00"));
    expect([ends.length, kept.length + others.length]).toEqual([200, 200]);
    expect(Math.min(kept.length, others.length)).toBeGreaterThan(50);
    const tracesOf = (waves: readonly Wave[]) =>
      new Set(waves.map(({ headers }) => headers["traceparent"]?.slice(3, 35)));
    expect(tracesOf(others).size).toBe(others.length);
    expect(new Set(all.map((span) => span.spanContext().traceId))).toEqual(tracesOf(kept));
    for (const name of [
      "send orders.created",
      "process orders.created",
      "own",
      "send stock.reserved",
      "process stock.reserved",
    ]) {
      expect(all.filter((span) => span.name === name).length, name).toBe(kept.length);
    }
  });

  test("stops when it is closed", async () => {
    const { aether, tracer, spans } = await traced();
    await tracer.close();
    await aether.vibrator("alpha").emit("orders.created");
    expect(await spans()).toEqual([]);
    await aether.close();
  });

  test("refuses an endpoint and a sampling that are none", async () => {
    await using aether = await Aether.connect();
    expect(() => tracing(aether, { serviceName: "x", endpoint: "nowhere" })).toThrow(
      "Expected `endpoint` to be the URL",
    );
    expect(() => tracing(aether, { serviceName: "x", endpoint: "http://127.0.0.1:1", sampling: 2 })).toThrow("0 to 1");
  });
});
