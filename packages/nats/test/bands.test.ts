import { Aether, type Link, type Listener, type MediumEvents, systemClock, type Uptake, type Wave } from "@aether/core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { natsMedium } from "../src/index.ts";
import { NatsServer } from "./nats-server.ts";
import { until } from "./until.ts";

let server: NatsServer;
beforeAll(async () => {
  server = await NatsServer.start();
});
afterAll(() => server[Symbol.asyncDispose]());

const seed = Number(process.env["AETHER_SEED"] ?? Math.floor(Math.random() * 2 ** 31));

function events(): MediumEvents {
  return {
    moment: () => {
      const at = systemClock.monotonic();
      const surroundings = { clock: systemClock, perHop: 1, minAmplitude: 0, maxLifetimeMs: 1e9, wallOffsetMs: 0 };
      return { at, surroundings };
    },
    connected: () => {},
    disconnected: () => {},
    interest: () => {},
    reflected: () => {},
  };
}

/** A listener whose lowest band a test moves. */
class Moving implements Listener {
  readonly presence: Listener["presence"];
  readonly observes = false;
  readonly full = false;
  readonly openBand = 8;
  readonly adapts: boolean;
  readonly runHops = 16;
  readonly runWaves = 1;
  readonly runBytes = 1;
  readonly heard = new Map<string, number>();
  lowestBand = 0;
  aside = false;

  constructor(instance: string, group: string | false, adapts = true) {
    this.presence = { vibrator: "beta", instance, pattern: "moves.*", group, name: "moves.*" };
    this.adapts = adapts;
  }

  hears(): boolean {
    return true;
  }

  readonly diffracts = false;

  opaqueTo(): boolean {
    return false;
  }

  receive({ id }: Wave): Uptake {
    this.heard.set(id, (this.heard.get(id) ?? 0) + 1);
    return "admitted";
  }

  filtered(): void {}

  malformed(): void {}

  room(): Promise<void> {
    return Promise.resolve();
  }

  receiveRun(): void {}
}

/** Numbers from 0 up to 1, the same for the same seed. */
function seeded(): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

async function link(): Promise<Link> {
  return await natsMedium({ servers: server.url, namespace: "bands" }).open(events());
}

describe("the noise floor at the server", () => {
  test.each([
    ["which began band by band", true],
    ["which began with all bands", false],
  ])(
    "moves a thousand times under load, and no wave that is wanted is lost or doubled, by a member %s",
    async (_, adapts) => {
      process.stdout.write(`bands: AETHER_SEED=${seed}\n`);
      const random = seeded();
      const near = await link();
      const alone = new Moving("alone", false);
      const members = [new Moving("one", "workers"), new Moving("two", "workers", adapts)];
      const [steady, moving] = members;
      const tunings = await Promise.all([alone, ...members].map((listener) => near.resonate(listener)));
      const aether = await Aether.connect({ medium: natsMedium({ servers: server.url, namespace: "bands" }) });
      const emitter = aether.vibrator("alpha");
      const loud: string[] = [];
      const all: string[] = [];
      for (let move = 0; move < 1000; move++) {
        for (let i = 0; i < 8; i++) {
          const isLoud = random() < 0.5;
          const id = `w${move}-${i}`;
          all.push(id);
          if (isLoud) {
            loud.push(id);
          }
          void emitter.emit("moves.on", undefined, { id, amplitude: isLoud ? 0.95 : 0.05 + random() * 0.8 });
        }
        // The loudest band stays wanted by everybody, the others come and go.
        alone.lowestBand = Math.floor(random() * 8);
        tunings[0]?.pressure();
        if (moving !== undefined) {
          moving.lowestBand = Math.floor(random() * 8);
          moving.aside = random() < 0.1;
          tunings[2]?.pressure();
        }
        await new Promise(setImmediate);
      }
      const heardByGroup = (id: string): number => (steady?.heard.get(id) ?? 0) + (moving?.heard.get(id) ?? 0);
      await until(() => all.every((id) => heardByGroup(id) > 0) && loud.every((id) => alone.heard.has(id)));
      expect(loud.filter((id) => alone.heard.get(id) !== 1)).toEqual([]);
      expect(all.filter((id) => heardByGroup(id) !== 1)).toEqual([]);
      expect([...alone.heard.values()].filter((times) => times > 1)).toEqual([]);
      await aether.close();
      await near.close();
    },
    120_000,
  );

  test("keeps quiet waves away from those who do not want them", async () => {
    const near = await link();
    const choosy = new Moving("choosy", false, false);
    choosy.lowestBand = 6;
    await near.resonate(choosy);
    const far = await Aether.connect({ medium: natsMedium({ servers: server.url, namespace: "bands" }) });
    const emitter = far.vibrator("alpha");
    for (let i = 0; i < 100; i++) {
      await emitter.emit("moves.on", i, { id: `quiet-${i}`, amplitude: 0.3 });
    }
    await emitter.emit("moves.on", "loud", { id: "loud", amplitude: 0.9 });
    await until(() => choosy.heard.has("loud"));
    expect(choosy.heard.size).toBe(1);
    await expect(emitter.emit("moves.on", 1, { kind: "command", amplitude: 0.3 })).rejects.toMatchObject({
      code: "AETHER_SHED",
    });
    await far.close();
    await near.close();
  });
});
