import { connect, createServer, type Server, type Socket } from "node:net";
import { faultProxy } from "@aether/testing";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

/** A server that gives back what it gets. */
let echo: Server;
let port: number;
const clients: Socket[] = [];

beforeEach(async () => {
  echo = createServer((socket) => {
    socket.on("error", () => {});
    socket.pipe(socket);
  });
  await new Promise<void>((resolve) => echo.listen(0, "127.0.0.1", resolve));
  const address = echo.address();
  port = address !== null && typeof address === "object" ? address.port : 0;
});
afterEach(async () => {
  for (const client of clients.splice(0)) {
    client.destroy();
  }
  await new Promise((resolve) => echo.close(resolve));
});

interface Client {
  readonly socket: Socket;
  readonly chunks: Buffer[];
  readonly ended: Promise<void>;
  /** Resolves when so many bytes have come back. */
  heard(bytes: number): Promise<Buffer>;
}

async function client(through: number): Promise<Client> {
  const socket = connect(through, "127.0.0.1");
  clients.push(socket);
  const chunks: Buffer[] = [];
  let onData: () => void = () => {};
  socket.on("data", (chunk) => {
    chunks.push(chunk);
    onData();
  });
  socket.on("error", () => {});
  const ended = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  await new Promise((resolve) => socket.once("connect", resolve));
  return {
    socket,
    chunks,
    ended,
    heard: (bytes) =>
      new Promise((resolve) => {
        onData = () => {
          const all = Buffer.concat(chunks);
          if (all.length >= bytes) {
            resolve(all);
          }
        };
        onData();
      }),
  };
}

describe("faultProxy", () => {
  test("without faults lets everything through unchanged", async () => {
    await using proxy = await faultProxy(`127.0.0.1:${port}`);
    const one = await client(proxy.port);
    one.socket.write("hello");
    expect((await one.heard(5)).toString()).toBe("hello");
    expect(proxy.passed).toEqual({ up: 5, down: 5 });
    expect(proxy.connections).toBe(1);
  });

  test("cuts what goes through into slices, in order", async () => {
    await using proxy = await faultProxy(port);
    proxy.set({ sliceBytes: 7, latencyMs: 1, jitterMs: 5 });
    const one = await client(proxy.port);
    const text = "0123456789".repeat(20);
    one.socket.write(text);
    expect((await one.heard(text.length)).toString()).toBe(text);
  });

  test("swallows one direction and leaves the other open", async () => {
    await using proxy = await faultProxy(port);
    const one = await client(proxy.port);
    one.socket.write("a");
    await one.heard(1);
    proxy.set({ swallows: "down" });
    one.socket.write("b");
    proxy.set({ swallows: "down" });
    const before = proxy.passed.down;
    await new Promise<void>((resolve) => {
      const look = (): void => void (proxy.passed.up === 2 ? resolve() : setImmediate(look));
      look();
    });
    expect(proxy.passed.down).toBe(before);
  });

  test("resets connections, and refuses new ones", async () => {
    await using proxy = await faultProxy(port);
    const one = await client(proxy.port);
    one.socket.write("a");
    await one.heard(1);
    proxy.set({ refuses: true });
    proxy.reset();
    await one.ended;
    const other = connect(proxy.port, "127.0.0.1");
    clients.push(other);
    other.on("error", () => {});
    await new Promise((resolve) => other.once("close", resolve));
    expect(proxy.connections).toBe(1);
  });

  test("flips the same bits for the same seed", async () => {
    const damaged: string[] = [];
    for (let run = 0; run < 2; run++) {
      await using proxy = await faultProxy(port, { seed: 7 });
      proxy.set({ flips: 1 });
      const one = await client(proxy.port);
      one.socket.write(Buffer.alloc(16));
      damaged.push((await one.heard(16)).toString("hex"));
    }
    expect(damaged[0]).toBe(damaged[1]);
    expect(damaged[0]).not.toBe("00".repeat(16));
  });

  test("refuses what is no address", async () => {
    await expect(faultProxy("nowhere")).rejects.toThrow(/Expected `target`/);
  });
});

describe("what cannot be is refused", () => {
  test.each([
    undefined,
    null,
    {},
    "",
    "nowhere",
    "host:abc",
    "127.0.0.1:99999",
    0,
    -1,
    70_000,
    Number.NaN,
    { port: "1" },
  ])("as a target: %j", async (target) => {
    await expect(Reflect.apply(faultProxy, undefined, [target])).rejects.toMatchObject({
      code: "AETHER_BAD_OPTION",
      details: { option: "target" },
    });
  });

  test.each([
    [null, "faults"],
    [{ blackhole: true }, "faults"],
    [{ latencyMs: -1 }, "latencyMs"],
    [{ jitterMs: Number.NaN }, "jitterMs"],
    [{ sliceBytes: 0 }, "sliceBytes"],
    [{ flips: 2 }, "flips"],
    [{ swallows: "all" }, "swallows"],
    [{ refuses: 1 }, "refuses"],
  ])("as a fault: %j", async (faults, option) => {
    await using proxy = await faultProxy({ port });
    expect(() => Reflect.apply(proxy.set, proxy, [faults])).toThrow(
      expect.objectContaining({ code: "AETHER_BAD_OPTION", details: expect.objectContaining({ option }) }),
    );
    const { socket, heard } = await client(proxy.port);
    socket.write("as before");
    expect((await heard(9)).toString()).toBe("as before");
  });

  test("as a seed", async () => {
    await expect(faultProxy(port, { seed: Number.NaN })).rejects.toMatchObject({ code: "AETHER_BAD_OPTION" });
  });
});
