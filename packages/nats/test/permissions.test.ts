import { Aether, matches } from "@aether/core";
import { connect } from "@nats-io/transport-node";
import { describe, expect, test } from "vitest";
import { type AllowList, natsMedium, natsPermissions, permissionsOf } from "../src/index.ts";
import { done, Hand, type Member, member, readAll, recordAll, waveOf } from "./jetstream/members.ts";
import { NatsServer } from "./nats-server.ts";
import { until } from "./until.ts";

const list: AllowList = {
  identities: [
    { user: "shop", emit: ["orders.*"], resonate: ["payments.>"], maxAmplitude: 0.6 },
    { user: "bank", emit: ["payments.>"], resonate: ["orders.*"] },
  ],
};

/** A server that allows what `allow` says, and nothing else; everybody has the password "p". */
async function guarded(allow: AllowList, jetstream = false): Promise<NatsServer> {
  const users = natsPermissions(allow).replaceAll("permissions:", 'password: "p"\n    permissions:');
  return await NatsServer.start({ jetstream, config: `authorization {\n${users}}\n` });
}

describe("permissions", () => {
  test("let an identity emit and resonate where the list says, and nowhere else", async () => {
    await using server = await guarded(list);
    const open = (user: string): Promise<Aether> =>
      Aether.connect({ medium: natsMedium({ servers: server.url, user, password: "p" }) });
    await using shop = await open("shop");
    await using bank = await open("bank");
    const paid: unknown[] = [];
    await shop.vibrator("shop").resonateOn("payments.>", (wave) => void paid.push(wave.payload));
    const bankVibrator = bank.vibrator("bank");
    await bankVibrator.resonateOn("orders.*", async (wave, ctx) => {
      await ctx.emit("payments.completed", wave.payload);
      return "taken";
    });
    const shopVibrator = shop.vibrator("shop");
    await shopVibrator.emit("orders.created", 1);
    await until(() => paid.length === 1);
    expect((await shopVibrator.query("orders.asked", 2)).payload).toBe("taken");
    await expect(shopVibrator.resonateOn("orders.*", () => {}, { name: "spy" })).rejects.toMatchObject({
      code: "AETHER_UNAUTHORISED",
    });
    await expect(shopVibrator.emit("payments.forged", 1, { kind: "command" })).rejects.toMatchObject({
      code: "AETHER_UNAUTHORISED",
    });
    await expect(
      shopVibrator.emit("orders.loud", 1, { kind: "command", amplitude: 0.95 }),
      "louder than it may be",
    ).rejects.toMatchObject({ code: "AETHER_UNAUTHORISED" });
  });

  test("let who may resonate tell of its dead letters, and who may hear of them do so", async () => {
    const identities = [
      { user: "shop", emit: ["orders.*"] },
      { user: "bank", resonate: ["orders.*"] },
      { user: "ops", resonate: ["$dead.orders.*"] },
    ];
    await using server = await guarded({ identities });
    const open = (user: string): Promise<Aether> =>
      Aether.connect({ medium: natsMedium({ servers: server.url, user, password: "p", stream: false }) });
    await using shop = await open("shop");
    await using bank = await open("bank");
    await using ops = await open("ops");
    const heard: string[] = [];
    await ops.vibrator("ops").resonateOn("$dead.orders.*", ({ channel }) => void heard.push(channel));
    await bank.vibrator("bank").resonateOn("orders.*", () => {
      throw new Error("broken");
    });
    await shop.vibrator("shop").emit("orders.created", 1);
    await until(() => heard.length === 1);
    expect(heard).toEqual(["$dead.orders.created"]);
    await expect(ops.vibrator("spy").resonateOn("orders.*", () => {})).rejects.toMatchObject({
      code: "AETHER_UNAUTHORISED",
    });
  });

  test("let who may record do so, and who may not only emit on what is recorded", async () => {
    const identities = [
      { user: "shop", emit: ["orders.*"] },
      { user: "bank", resonate: ["orders.*"], record: true },
    ];
    await using server = await guarded({ identities }, true);
    const open = (user: string): Promise<Member> => member(server.url, "aether", { user, password: "p" });
    await using bank = await open("bank");
    await using shop = await open("shop");
    await expect(shop.recorder.declare(["orders.*"])).rejects.toMatchObject({ code: "AETHER_UNAUTHORISED" });
    await bank.recorder.declare(["orders.*"]);
    const hand = await new Hand("bank", "orders.*", 10, done).follow(bank);
    await recordAll(shop, [waveOf("w", "orders.created")]);
    await until(() => hand.ids.includes("w"));
    await expect(new Hand("shop", "orders.*", 10).follow(shop)).rejects.toMatchObject({ code: "AETHER_UNAUTHORISED" });
    await expect(readAll(shop)).rejects.toMatchObject({ code: "AETHER_UNAUTHORISED" });
    expect(await readAll(bank)).toHaveLength(1);
    expect(await bank.recorder.groups()).toHaveLength(1);
    await bank.recorder.drop("bank", "orders.*");
    const bury = async ({ recorder: { deadLetters } }: Member): Promise<number | undefined> => {
      const wave = waveOf("w", "orders.created");
      const resonance = { group: "bank", name: "orders.*", instance: "bank-1", attempts: 1, at: 1 };
      const error = { code: "AETHER_HANDLER_FAILED", message: "broken", stack: undefined } as const;
      const id = await deadLetters?.add({ wave, error, ...resonance, origin: { source: "a", sourceId: "a" } });
      await deadLetters?.take(id ?? "");
      await deadLetters?.putBack(id ?? "");
      await deadLetters?.take(id ?? "");
      await deadLetters?.forget(id ?? "");
      await deadLetters?.purge({ before: 5 });
      await deadLetters?.purge({});
      return (await deadLetters?.stats())?.reemitted;
    };
    expect(await bury(bank)).toBe(1);
    await expect(bury(shop)).rejects.toMatchObject({ code: "AETHER_UNAUTHORISED" });
    await expect(shop.recorder.deadLetters?.stats()).rejects.toMatchObject({ code: "AETHER_UNAUTHORISED" });
    const remember = async ({ recorder }: Member): Promise<readonly string[]> => {
      const name = { vibrator: "bank", view: "books" };
      const position = (await recorder.end()) ?? "";
      await recorder.snapshots?.save(name, { position, state: new Uint8Array([1]) });
      const found: string[] = [];
      for await (const loaded of recorder.snapshots?.load(name) ?? []) {
        found.push("error" in loaded ? loaded.error.code : loaded.position);
      }
      const { signal } = new AbortController();
      // Whether more waits is asked of the stream, which takes a permission of its own.
      for (const patterns of [["orders.*"], ["orders.never"]]) {
        for await (const step of await recorder.tail({ patterns }, signal)) {
          found.push(step.position);
          break;
        }
      }
      return found;
    };
    expect((await remember(bank)).length).toBe(3);
    await expect(remember(shop)).rejects.toMatchObject({ code: "AETHER_UNAUTHORISED" });
  });

  test("mean to a server what they mean here: 1,500 rules and subjects", async () => {
    const tokens = ["a", "b", "c"];
    const seed = Number(process.env["AETHER_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
    process.stdout.write(`permissions: AETHER_SEED=${seed}\n`);
    let state = seed;
    const below = (count: number): number => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return Math.floor((state / 2 ** 32) * count);
    };
    const words = (count: number, of: readonly string[]): string[] =>
      Array.from({ length: count }, () => of[below(of.length)] ?? "a");
    const identities = Array.from({ length: 15 }, (_, i) => {
      const pattern = words(1 + below(3), [...tokens, "*"]);
      return { user: `u${i}`, emit: [[...pattern, ...(below(3) === 0 ? [">"] : [])].join(".")] };
    });
    await using server = await guarded({ identities });
    for (const { user, publish } of permissionsOf({ identities })) {
      const client = await connect({ servers: server.url, user, pass: "p" });
      const denied = new Set<string>();
      void (async () => {
        for await (const status of client.status()) {
          const subject = status.type === "error" ? Reflect.get(status.error, "subject") : undefined;
          if (typeof subject === "string") {
            denied.add(subject);
          }
        }
      })();
      const subjects = Array.from(
        { length: 100 },
        () => `aether.w.${below(8)}.${words(1 + below(4), tokens).join(".")}`,
      );
      for (const subject of subjects) {
        client.publish(subject, "x");
      }
      await client.flush();
      await new Promise(setImmediate);
      for (const subject of subjects) {
        const allowed = publish.some((rule) => matches(rule, subject));
        expect([user, publish, subject, !denied.has(subject)]).toEqual([user, publish, subject, allowed]);
      }
      await client.close();
    }
  });

  test.each([
    [{ identities: [{ user: "", emit: ["a"] }] }, "AETHER_BAD_OPTION"],
    [{ identities: [{ user: "u", emit: ["a b"] }] }, "AETHER_BAD_CHANNEL"],
    [{ identities: [{ user: "u", resonate: ["a\r\nSUB >"] }] }, "AETHER_BAD_CHANNEL"],
    [{ identities: [{ user: "u", maxAmplitude: 2 }] }, "AETHER_BAD_OPTION"],
    [{ identities: "everybody" }, "AETHER_BAD_OPTION"],
    [{ identities: [], namespace: "a.b" }, "AETHER_BAD_OPTION"],
  ])("refuse %o", (bad, code) => {
    expect(() => natsPermissions(bad as AllowList)).toThrow(expect.objectContaining({ code }));
  });
});
