import { createConnection, createServer } from "node:net";
import { Aether } from "@aether/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { natsMedium } from "../src/index.ts";
import { namespaceOf, queueOf, Subjects, tokenOf } from "../src/subjects.ts";
import { NatsServer } from "./nats-server.ts";
import { until } from "./until.ts";

const hostile = fc.oneof(
  fc.string({ unit: "binary", maxLength: 40 }),
  fc.constantFrom(
    "q 7\r\nSUB secret.>",
    "a b",
    "*",
    ">",
    "a.>",
    "a\0b",
    "\r\n",
    "..",
    "\ud800",
    "$JS.API.>",
    "_INBOX.>",
    "",
  ),
);

describe("names on the wire", () => {
  test("whatever a group or a resonance is called, its queue name is two tokens and nothing else", () => {
    fc.assert(
      fc.property(hostile, hostile, (group, name) => {
        expect(queueOf(group, name)).toMatch(/^[A-Za-z0-9_=-]+\.[A-Za-z0-9_=-]+$/);
      }),
      { numRuns: 50_000 },
    );
  });

  test("different names give different tokens", () => {
    fc.assert(
      fc.property(hostile, hostile, (one, other) => {
        expect(tokenOf(one) === tokenOf(other)).toBe(one === other);
      }),
      { numRuns: 50_000 },
    );
  });

  test("a namespace is one plain token", () => {
    fc.assert(
      fc.property(hostile, (name) => {
        const isPlain = /^[A-Za-z0-9_-]{1,32}$/.test(name) && !["_INBOX", "_R_", "_GR_"].includes(name);
        if (isPlain) {
          expect(new Subjects(namespaceOf(name)).of("w", 1, "a")).toBe(`${name}.w.1.a`);
        } else {
          expect(() => namespaceOf(name)).toThrow(expect.objectContaining({ code: "AETHER_BAD_OPTION" }));
        }
      }),
      { numRuns: 20_000 },
    );
  });
});

/** What a client has written to a server: a proxy that keeps it. */
async function capture(
  target: number,
): Promise<{ readonly port: number; readonly written: () => string; close(): void }> {
  let written = "";
  const proxy = createServer((client) => {
    const server = createConnection(target, "127.0.0.1");
    client.on("data", (chunk) => {
      written += chunk.toString("latin1");
      server.write(chunk);
    });
    server.on("data", (chunk) => client.write(chunk));
    client.on("error", () => server.destroy());
    server.on("error", () => client.destroy());
    client.on("close", () => server.destroy());
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  const address = proxy.address();
  const port = address !== null && typeof address === "object" ? address.port : 0;
  return { port, written: () => written, close: () => proxy.close() };
}

describe("what is written to a server", () => {
  test("is one command for each call, and nothing at all for a name that is refused", async () => {
    await using server = await NatsServer.start();
    const wire = await capture(server.port);
    const aether = await Aether.connect({
      medium: natsMedium({ servers: `nats://127.0.0.1:${wire.port}`, beatMs: 60_000 }),
    });
    const vibrator = aether.vibrator("beta");
    await vibrator.resonateOn("quiet", () => {});
    await new Promise(setImmediate);
    const before = wire.written().length;
    for (const name of ["q 7\r\nSUB secret.> 9", "a b", "x\r\nPUB secret 1\r\nx", "\0", "é"]) {
      await expect(vibrator.resonateOn("a", () => {}, { group: name })).rejects.toMatchObject({
        code: "AETHER_BAD_OPTION",
      });
      await expect(vibrator.resonateOn("a", () => {}, { name })).rejects.toMatchObject({ code: "AETHER_BAD_OPTION" });
      await expect(vibrator.resonateOn(name, () => {})).rejects.toMatchObject({ code: "AETHER_BAD_CHANNEL" });
      await expect(vibrator.emit(name, 1)).rejects.toMatchObject({ code: "AETHER_BAD_CHANNEL" });
      await expect(vibrator.query(name, 1)).rejects.toMatchObject({ code: "AETHER_BAD_CHANNEL" });
      expect(() => aether.vibrator(name)).toThrow(expect.objectContaining({ code: "AETHER_BAD_OPTION" }));
    }
    expect(commands(wire.written().slice(before)).filter((line) => !/^(PING|PONG)$/.test(line))).toEqual([]);
    const payload = "PUB secret 5\r\nhello\r\nSUB > 1\r\n";
    let heard: unknown;
    await vibrator.resonateOn("said", (wave) => {
      heard = wave.payload;
    });
    const start = wire.written().length;
    await vibrator.emit("said", payload);
    await until(() => heard === payload);
    const written = commands(wire.written().slice(start)).filter(
      (line) => !/^(PING|PONG|PUB aether\.c\.p \d+)$/.test(line),
    );
    expect(written).toHaveLength(2);
    expect(written[0]).toMatch(/^SUB aether\.c\.i\.beta-\w+\.> \d+$/);
    expect(written[1]).toMatch(/^PUB aether\.w\.4\.said \d+$/);
    await aether.close({ deadlineMs: 0 });
    wire.close();
  });
});

/** The commands in `bytes`; what a PUB announces as its payload is passed over. */
function commands(bytes: string): string[] {
  const found: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = bytes.indexOf("\r\n", at);
    if (end < 0) {
      break;
    }
    const line = bytes.slice(at, end);
    found.push(line);
    at = end + 2;
    const size = /^PUB .* (\d+)$/.exec(line)?.[1];
    if (size !== undefined) {
      at += Number(size) + 2;
    }
  }
  return found;
}
