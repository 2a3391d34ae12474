import { describe, expect, test } from "vitest";
import { KnownServers } from "../src/known-servers.ts";

describe("known servers", () => {
  test.each([
    [["nats://127.0.0.1:4222"], "127.0.0.1:4222", false],
    [["nats://127.0.0.1", "tls://localhost:4222", "nats://[::1]:4222"], "127.0.0.1:4222", false],
    [["nats://127.0.0.1:4222", "nats://127.0.0.1:4223"], "127.0.0.1:4222", true],
    [["nats://10.0.0.1:4222"], "10.0.0.1:4222", false],
    [["nats://10.0.0.1:4222"], "10.0.0.2:4222", true],
    [["nats://[fd00::1]:4222"], "[fd00::1]:4222", false],
    // Behind a name there may be several.
    [["nats://nats.example:4222"], "10.0.0.1:4222", true],
  ])("%j have another than %s: %s", (given, current, hasOther) => {
    expect(new KnownServers(given).hasOther(current)).toBe(hasOther);
  });

  test("are also those that a cluster tells of, as long as it does", () => {
    const servers = new KnownServers(["nats://10.0.0.1:4222"]);
    servers.update(["10.0.0.1:4222"]);
    expect(servers.hasOther("10.0.0.1:4222")).toBe(false);
    servers.update(["10.0.0.2:4222"]);
    expect(servers.hasOther("10.0.0.1:4222")).toBe(true);
    servers.update(undefined, ["10.0.0.2:4222"]);
    expect(servers.hasOther("10.0.0.1:4222")).toBe(false);
  });
});
