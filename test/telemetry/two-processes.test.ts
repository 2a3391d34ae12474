import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { z } from "zod";
import { NatsServer } from "../../packages/nats/test/nats-server.ts";

const PART = fileURLToPath(new URL("./trace-part.mjs", import.meta.url));

/** What a collector is sent, as far as this looks at it. */
const request = z.object({
  resourceSpans: z.array(
    z.object({
      resource: z.object({
        attributes: z.array(z.object({ key: z.string(), value: z.object({ stringValue: z.string().optional() }) })),
      }),
      scopeSpans: z.array(z.object({ spans: z.array(z.object({ name: z.string(), traceId: z.string() })) })),
    }),
  ),
});

interface Span {
  readonly title: string;
  readonly traceId: string;
}

/** An OTLP collector on a free port, and the spans that it was sent. */
async function openCollector() {
  const spans: Span[] = [];
  const server = createServer((incoming, response) => {
    let body = "";
    incoming.setEncoding("utf8").on("data", (text) => {
      body += text;
    });
    incoming.on("end", () => {
      for (const { resource, scopeSpans } of request.parse(JSON.parse(body)).resourceSpans) {
        const service = resource.attributes.find(({ key }) => key === "service.name")?.value.stringValue;
        for (const { name, traceId } of scopeSpans.flatMap((scope) => scope.spans)) {
          spans.push({ title: `${service}: ${name}`, traceId });
        }
      }
      response.setHeader("content-type", "application/json").end("{}");
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return { spans, url: `http://127.0.0.1:${port}`, close: () => server.close() };
}

test("one trace spans emit, handler, caused emit and handler across two processes, and reaches a collector", async () => {
  const collector = await openCollector();
  await using server = await NatsServer.start();
  const start = async (part: string): Promise<ChildProcess> => {
    // What is built runs in a process of its own, without the settings of this one.
    const child = fork(PART, [part, server.url, collector.url], { execArgv: [] });
    const ended = once(child, "exit").then(([code]) => {
      throw new Error(`Expected ${part} to be ready, it ended with ${code}`);
    });
    await Promise.race([once(child, "message"), ended]);
    ended.catch(() => undefined);
    return child;
  };
  const beta = await start("beta");
  const betaEnd = once(beta, "exit");
  const alpha = await start("alpha");
  expect(await Promise.all([betaEnd, once(alpha, "exit")])).toEqual([
    [0, null],
    [0, null],
  ]);
  collector.close();
  expect(collector.spans.map(({ title }) => title).sort()).toEqual([
    "alpha: process stock.reserved",
    "alpha: send orders.created",
    "beta: process orders.created",
    "beta: send stock.reserved",
  ]);
  expect(new Set(collector.spans.map(({ traceId }) => traceId)).size).toBe(1);
}, 60_000);
