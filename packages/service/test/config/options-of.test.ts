/** The configuration arrives in the options of the core and of the NATS driver, and the defaults of both are the same. */

import { Aether, AetherError } from "@aether/core";
import { natsMedium } from "@aether/nats";
import { describe, expect, test } from "vitest";
import { aetherOptionsOf, mediumChoiceOf, mediumOf, queryOptionsOf, vibratorOptionsOf } from "../../src/index.ts";
import { Folder } from "./folder.ts";

describe("the options of the aether", () => {
  test("are those of the sections", () => {
    using folder = new Folder({
      "config/default.toml": `[aether]
max_propagation = 5
attenuation_factor = 0.5
half_life_ms = "1m"
min_amplitude = 0.2
allowed_sources = ["a"]
max_payload_bytes = 100
max_channel_length = 20
recorded = ["a.>"]
`,
    });
    expect(aetherOptionsOf(folder.load().config)).toEqual({
      physics: { maxPropagation: 5, attenuationFactor: 0.5, halfLifeMs: 60_000, minAmplitude: 0.2 },
      limits: { maxPayloadBytes: 100, maxChannelLength: 20 },
      allowedSources: ["a"],
      recorded: ["a.>"],
    });
  });

  test("have every law off where physics is off, and the limit of hops on", async () => {
    using folder = new Folder();
    const { config } = folder.load({}, { "aether.enable_physics": false, "aether.max_propagation": 2 });
    await using aether = await Aether.connect(aetherOptionsOf(config));
    const one = aether.vibrator("one", { noiseFloor: 0.5 });
    const hops: number[] = [];
    const amplitudes: number[] = [];
    let isOver = (): void => {};
    const over = new Promise<void>((resolve) => {
      isOver = resolve;
    });
    await one.resonateOn("a", async (wave, ctx) => {
      hops.push(wave.hops);
      amplitudes.push(wave.amplitude);
      const { outcome } = await ctx.emit("a", {});
      if (outcome === "exhausted") {
        isOver();
      }
    });
    await one.emit("a", {}, { amplitude: 0.1 });
    await over;
    expect(hops).toEqual([1, 2]);
    expect(amplitudes).toEqual([0.1, 0.1]);
  });

  test("hold those who emit to the allow-list and the limits", async () => {
    using folder = new Folder();
    const flags = { "aether.allowed_sources": ["one"], "aether.max_channel_length": 5 };
    await using aether = await Aether.connect(aetherOptionsOf(folder.load({}, flags).config));
    await expect(aether.vibrator("two").emit("a")).rejects.toMatchObject({ code: "AETHER_UNAUTHORISED" });
    await expect(aether.vibrator("one").emit("a.long.name")).rejects.toMatchObject({ code: "AETHER_BAD_CHANNEL" });
  });
});

test("the options of a vibrator are those of the section, and the core takes them", async () => {
  using folder = new Folder();
  const { config } = folder.load({}, { "service.noise_floor": "adaptive", "service.max_inflight": 7 });
  const options = vibratorOptionsOf(config);
  expect(options).toEqual({ concurrency: 7, noiseFloor: "adaptive", inbox: { capacity: 65_536 }, snapshotEvery: 1000 });
  await using aether = await Aether.connect();
  const resonance = await aether.vibrator("one", options).resonateOn("a", () => {});
  expect(resonance.stats()).toHaveProperty("floor");
});

test("commands and queries wait as long as the section says", async () => {
  using folder = new Folder({ "config/default.toml": "[service]\ntimeout_ms = 5\n" });
  const options = queryOptionsOf(folder.load().config);
  expect(options).toEqual({ timeoutMs: 5 });
  await using aether = await Aether.connect();
  const one = aether.vibrator("one");
  await one.resonateOn("a", () => new Promise(() => {}));
  await expect(one.query("a", {}, options)).rejects.toMatchObject({ code: "AETHER_TIMEOUT" });
});

describe("the medium", () => {
  test("is in this process unless NATS is asked for", () => {
    using folder = new Folder();
    expect(mediumChoiceOf(folder.load().config)).toEqual({ useNats: false });
    expect(mediumOf(mediumChoiceOf(folder.load().config)).traits.crossProcess).toBe(false);
  });

  test("is NATS with the options of the section", () => {
    using folder = new Folder({
      "config/default.toml": `[aether]
use_nats = true
nats_url = "tls://a.example:1, tls://b.example:2"
namespace = "shop"
nats_tls_required = true
nats_mtls_ca_path = "ca.pem"
nats_user = "alpha"
nats_password = "canary"
`,
    });
    const { useNats, nats } = mediumChoiceOf(folder.load().config);
    expect(useNats).toBe(true);
    expect(nats).toMatchObject({
      servers: ["tls://a.example:1", "tls://b.example:2"],
      namespace: "shop",
      tls: { caFile: "ca.pem" },
      user: "alpha",
    });
    expect(typeof nats?.password === "function" && nats.password()).toBe("canary");
    expect(() => natsMedium(nats)).not.toThrow();
  });

  test.each(["nats_token", "nats_nkey_seed", "nats_credentials_path"])("takes %s as its identity", (key) => {
    using folder = new Folder();
    const flags = { "aether.use_nats": true, [`aether.${key}`]: "canary" };
    expect(() => mediumOf(mediumChoiceOf(folder.load({}, flags).config))).not.toThrow();
  });

  test("refuses an identity in the clear beyond this machine", () => {
    using folder = new Folder();
    const flags = { "aether.use_nats": true, "aether.nats_url": "nats://far.example", "aether.nats_token": "canary" };
    const choice = mediumChoiceOf(folder.load({}, flags).config);
    expect(() => mediumOf(choice)).toThrow(AetherError);
    const safe = mediumChoiceOf(folder.load({}, { ...flags, "aether.nats_tls_required": true }).config);
    expect(() => mediumOf(safe)).not.toThrow();
  });
});
