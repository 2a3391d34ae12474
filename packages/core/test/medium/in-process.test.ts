import { beforeEach, describe, expect, test } from "vitest";
import { inProcess } from "../../src/medium/in-process.ts";
import type { Link, Medium } from "../../src/medium/medium.ts";
import { reflect } from "../../src/wave/reflection.ts";
import { sampleWave } from "../sample-wave.ts";
import { listening, SimpleListener, Told } from "./simple-listener.ts";

let medium: Medium;
let link: Link;
let told: Told;

beforeEach(async () => {
  medium = inProcess();
  told = new Told();
  link = await medium.open(told);
});

function propagate(payload: unknown, channel = "orders.created", from: Link = link): unknown {
  return from.outlet(channel).propagate(sampleWave({ payload, channel }));
}

async function tick(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

describe("the in-process medium", () => {
  test("declares what it is", () => {
    expect(medium.name).toBe("in-process");
    expect(medium.traits).toEqual({
      crossProcess: false,
      durable: false,
      acknowledges: true,
      ordered: true,
      duplicates: false,
      byReference: true,
      readyClusterWide: true,
    });
  });

  test("is connected as soon as it is open", () => {
    expect(told.all).toEqual(["connected"]);
  });

  test("links of one medium hear each other, those of two do not", async () => {
    const other = await medium.open(new Told());
    const stranger = await inProcess().open(new Told());
    const ears = [await listening(link, ">"), await listening(other, ">"), await listening(stranger, ">")];
    propagate(1);
    propagate(2, "orders.paid", other);
    await tick();
    expect(ears.map((ear) => ear.heard)).toEqual([[1, 2], [1, 2], []]);
  });

  test("hands the wave over as it is", async () => {
    const received: unknown[] = [];
    await listening(link, ">", { handler: (wave) => received.push(wave) });
    const wave = sampleWave({ payload: { a: 1 } });
    link.outlet(wave.channel).propagate(wave);
    await tick();
    expect(received[0]).toBe(wave);
  });

  test("an outlet that is kept reaches those who come later, and no longer those who left", async () => {
    const outlet = link.outlet("orders.created");
    expect(outlet.propagate(sampleWave())).toBe(0);
    const ear = await listening(link, "orders.*");
    expect(outlet.propagate(sampleWave())).toBe(1);
    await ear.tuning.close();
    expect(outlet.propagate(sampleWave())).toBe(0);
  });
});

describe("propagate", () => {
  test("tells how many groups were reached", async () => {
    await listening(link, "orders.*", { group: "beta" });
    await listening(link, "orders.*", { group: "beta" });
    await listening(link, "orders.>", { group: "gamma" });
    await listening(link, ">", { group: false });
    await listening(link, ">", { group: false });
    await listening(link, ">", { observes: true });
    expect(propagate(1)).toBe(4);
    expect(propagate(1, "payments")).toBe(2);
  });

  test("a refused wave counts as not reached", async () => {
    const ear = await listening(link, "orders.*", { openBand: 8 });
    await listening(link, "orders.*");
    ear.uptake = "refused";
    expect(propagate(1)).toBe(1);
  });

  test("takes a turn of the event loop when an inbox is crowded, and tells the number then", async () => {
    const ear = await listening(link, "orders.*", { openBand: 8 });
    ear.uptake = "crowded";
    let turned = false;
    setImmediate(() => {
      turned = true;
    });
    const reached = propagate(1);
    expect(reached).toBeInstanceOf(Promise);
    expect(await reached).toBe(1);
    expect(turned).toBe(true);
  });

  test("is refused on a closed link", async () => {
    const outlet = link.outlet("orders.created");
    await link.close();
    expect(() => outlet.propagate(sampleWave())).toThrow(expect.objectContaining({ code: "AETHER_CLOSED" }));
  });
});

describe("observers", () => {
  test("see every wave, once, and take it from nobody", async () => {
    const observers = [
      await listening(link, "orders.*", { observes: true, group: "beta", name: "x" }),
      await listening(link, ">", { observes: true, group: false }),
    ];
    const worker = await listening(link, "orders.*", { group: "beta", name: "x" });
    for (let i = 0; i < 4; i++) {
      expect(propagate(i)).toBe(1);
    }
    await tick();
    for (const ear of [...observers, worker]) {
      expect(ear.heard).toEqual([0, 1, 2, 3]);
    }
  });

  test("are nobody's receivers: alone they reach no group and are not present", async () => {
    const observer = await listening(link, ">", { observes: true });
    expect(propagate(1)).toBe(0);
    expect(link.heard("orders.created")).toBe(false);
    expect([...link.present()]).toEqual([]);
    await tick();
    expect(observer.heard).toEqual([1]);
  });

  test("that are crowded slow nobody down", async () => {
    const observer = await listening(link, ">", { observes: true });
    observer.uptake = "crowded";
    await listening(link, ">");
    expect(propagate(1)).toBe(1);
  });
});

describe("presence and interest", () => {
  test("tells every link, and whoever listens, who comes and goes", async () => {
    const others = new Told();
    const other = await medium.open(others);
    const ear = await listening(link, "orders.*");
    expect(told.all).toEqual(["connected", "interest"]);
    expect(others.all).toEqual(["connected", "interest"]);
    expect([...other.present()]).toEqual([ear.presence]);
    expect(other.heard("orders.created")).toBe(true);
    expect(other.heard("payments")).toBe(false);
    await ear.tuning.close();
    expect(others.all).toEqual(["connected", "interest", "interest"]);
    expect([...other.present()]).toEqual([]);
    expect(other.heard("orders.created")).toBe(false);
  });

  test("a link that closes takes its listeners with it, and only those", async () => {
    const others = new Told();
    const other = await medium.open(others);
    const [mine, theirs] = [await listening(link, ">"), await listening(other, ">")];
    propagate(1);
    await link.close();
    await link.close();
    expect(others.all.filter((event) => event === "interest")).toHaveLength(3);
    propagate(2, "orders.created", other);
    await tick();
    expect(mine.heard).toEqual([1]);
    expect(theirs.heard).toEqual([1, 2]);
    expect([...other.present()]).toEqual([theirs.presence]);
    await mine.tuning.close();
    expect(others.all.filter((event) => event === "interest")).toHaveLength(3);
  });

  test("a closed link resonates no more", async () => {
    await link.close();
    await expect(link.resonate(new SimpleListener(">"))).rejects.toMatchObject({ code: "AETHER_CLOSED" });
  });
});

describe("bands that are not wanted", () => {
  const emit = (payload: unknown, amplitude: number): unknown =>
    link.outlet("orders").propagate(sampleWave({ payload, amplitude, channel: "orders" }));

  test("are kept away, counted by the listener, and not reached", async () => {
    const choosy = await listening(link, "orders", { openBand: 8, lowestBand: 4 });
    expect([emit(1, 0.49), emit(2, 0.5), emit(3, 0)]).toEqual([0, 1, 0]);
    expect(choosy.heard).toEqual([2]);
    expect(choosy.keptAway).toEqual([1, 3]);
  });

  test("are as many as the listener said last", async () => {
    const choosy = await listening(link, "orders", { openBand: 8, lowestBand: 4 });
    emit(1, 0.3);
    choosy.lowestBand = 1;
    choosy.tuning.pressure();
    emit(2, 0.3);
    choosy.lowestBand = 7;
    choosy.tuning.pressure();
    emit(3, 0.8);
    expect(choosy.heard).toEqual([2]);
    expect(choosy.keptAway).toEqual([1, 3]);
  });

  test("are told to one member of a group, and all members of a broadcast", async () => {
    const options = { group: "workers", name: "work", openBand: 8, lowestBand: 2 };
    const members = [await listening(link, "orders", options), await listening(link, "orders", options)];
    emit(1, 0.1);
    const kept = (): unknown[] => members.flatMap(({ keptAway }) => keptAway);
    expect(kept()).toEqual([1]);
    link.outlet("orders").propagate(sampleWave({ payload: 2, amplitude: 0.1, channel: "orders", kind: "broadcast" }));
    expect(kept().sort()).toEqual([1, 2, 2]);
    expect(members.flatMap(({ heard }) => heard)).toEqual([]);
  });
});

describe("reflections", () => {
  test("reach every link, so also that of the emitter", async () => {
    const others = new Told();
    const other = await medium.open(others);
    const wave = sampleWave({ id: "w1" });
    const back = reflect(
      wave,
      { by: "b", byId: "b-1", code: "error", error: "AETHER_HANDLER_FAILED", message: "no", retryable: false },
      1000,
    );
    if (back !== undefined) {
      other.reflect(back);
    }
    expect(told.all).toContain("reflected w1");
    expect(others.all).toContain("reflected w1");
  });
});

describe("room", () => {
  test("is there when nobody listens and when everybody has some", async () => {
    expect(link.room("orders.created")).toBeUndefined();
    await listening(link, "orders.*");
    expect(link.room("orders.created")).toBeUndefined();
  });

  test("comes when the listener that is full has some again", async () => {
    const ear = await listening(link, "orders.*");
    ear.full = true;
    const room = link.room("orders.created");
    expect(room).toBeInstanceOf(Promise);
    expect(link.room("payments")).toBeUndefined();
    let resolved = false;
    void room?.then(() => {
      resolved = true;
    });
    await tick();
    expect(resolved).toBe(false);
    ear.makeRoom();
    await room;
    expect(link.room("orders.created")).toBeUndefined();
  });

  test("of a group is there as long as one member has some, and comes with the first that has", async () => {
    const members = [
      await listening(link, "orders.*", { group: "beta" }),
      await listening(link, "orders.*", { group: "beta" }),
    ] as const;
    members[0].full = true;
    expect(link.room("orders.created")).toBeUndefined();
    members[1].full = true;
    const room = link.room("orders.created");
    expect(room).toBeInstanceOf(Promise);
    members[1].makeRoom();
    await room;
  });

  test("is looked for after what is on its way has arrived", async () => {
    const ear = await listening(link, "orders.*");
    propagate(1);
    link.room("orders.created");
    expect(ear.heard).toEqual([1]);
    expect(ear.how).toEqual(["inbox"]);
  });
});
