import { AsyncLocalStorage, AsyncResource } from "node:async_hooks";
import { EventEmitter } from "node:events";
import { stat } from "node:fs";
import { stat as statLater } from "node:fs/promises";
import { connect as connectTcp, createServer } from "node:net";
import type { Aether, Wave } from "@aether/core";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { Gate, until } from "./until.ts";

/** An aether whose process-wide memory of causes is as fresh as that of a new process. */
async function connectFresh(): Promise<Aether> {
  vi.resetModules();
  const core = await import("@aether/core");
  const aether = await core.Aether.connect();
  onTestFinished(() => aether.close({ deadlineMs: 0 }));
  return aether;
}

/** Whether AsyncLocalStorage taxes the promises of this process: it leaves its mark on each. */
function isTaxed(): boolean {
  return Object.getOwnPropertySymbols(new Promise(() => {})).length > 0;
}

/** From Node 24 on nothing is taxed. */
const trial = new AsyncLocalStorage<string>();
const canTax = trial.run("trial", isTaxed);
trial.disable();

/** Lets so many waves be handled, and nothing left behind, that it is worth its while to let the storage rest. */
async function handleMany(aether: Aether): Promise<void> {
  let handled = 0;
  const idle = aether.vibrator("idle");
  await idle.resonateOn("idle", () => {
    handled++;
  });
  for (let i = 0; i < 100; i++) {
    void idle.emit("idle", i);
  }
  await until(() => handled === 100);
  await idle.close();
}

/** Gives the storage reasons to rest until it does: on a busy machine too few waves may be handled in one turn. */
async function rest(aether: Aether): Promise<void> {
  for (let tries = 0; tries < 50; tries++) {
    await handleMany(aether);
    await new Promise<void>((resolve) => void setImmediate(resolve));
    if (!isTaxed()) {
      return;
    }
  }
  throw new Error("Expected the storage to rest");
}

const earlier = Promise.resolve();
const bus = new EventEmitter();
bus.on("tell", (later: () => void) => queueMicrotask(later));

/** Everything in which a handler can leave work behind, without being asynchronous itself. */
const WAYS: Record<string, (later: () => void) => void> = {
  "a timer": (later) => void setTimeout(later, 1),
  "an interval": (later) => {
    const timer = setInterval(() => {
      clearInterval(timer);
      later();
    }, 1);
  },
  setImmediate: (later) => void setImmediate(later),
  "process.nextTick": (later) => process.nextTick(later),
  queueMicrotask: (later) => queueMicrotask(later),
  "a promise": (later) => void Promise.resolve().then(later),
  "a promise of its own making": (later) => void new Promise<void>((resolve) => resolve()).then(later),
  "a promise that was there before": (later) => void earlier.then(later),
  "an async function": async (later) => {
    await earlier;
    later();
  },
  "an async function that awaits a thenable": async (later) => {
    // biome-ignore lint/suspicious/noThenProperty: that is what is tested
    await { then: (resolve: () => void) => resolve() };
    later();
  },
  "an async generator": (later) => {
    const numbers = (async function* () {
      yield 1;
    })();
    void numbers.next().then(later);
  },
  "a dynamic import": (later) => void import("node:path").then(later),
  "an event that is emitted": (later) => void bus.emit("tell", later),
  "an event that is emitted later": (later) => {
    const own = new EventEmitter();
    own.once("now", later);
    setImmediate(() => own.emit("now"));
  },
  "an event target": (later) => {
    const controller = new AbortController();
    controller.signal.addEventListener("abort", later);
    setTimeout(() => controller.abort(), 1);
  },
  "a callback of the file system": (later) => stat(".", later),
  "a promise of the file system": (later) => void statLater(".").then(later),
  "a connection": (later) => {
    const server = createServer((socket) => void socket.end());
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      const port = typeof address === "object" && address !== null ? address.port : 0;
      connectTcp(port, "127.0.0.1", () => {
        server.close();
        later();
      });
    });
  },
  "an AsyncResource": (later) => {
    const resource = new AsyncResource("left behind");
    bus.once("resource", () => resource.runInAsyncScope(later));
    void earlier.then(() => bus.emit("resource"));
  },
  "a snapshot of all storages": (later) => {
    bus.once("snapshot", AsyncResource.bind(later));
    void earlier.then(() => bus.emit("snapshot"));
  },
};

describe.each(Object.entries(WAYS))("%s that a handler leaves behind", (_, leaveBehind) => {
  test("keeps the trace, although the storage was at rest before", async () => {
    const aether = await connectFresh();
    const waves: Wave[] = [];
    const beta = aether.vibrator("beta");
    await beta.resonateOn("in", () => {
      leaveBehind(() => void beta.emit("out"));
    });
    await aether.vibrator("sink").resonateOn("out", (wave) => void waves.push(wave));
    await rest(aether);
    const { id } = await aether.vibrator("emitter").emit("in", {}, { amplitude: 0.3 });
    await until(() => waves.length === 1);
    expect(waves[0]).toMatchObject({ trace: id, cause: undefined, hops: 1, amplitude: 0.5 });
  });

  test("is part of what an asynchronous handler causes, although the storage was at rest before", async () => {
    const aether = await connectFresh();
    const waves: Wave[] = [];
    const beta = aether.vibrator("beta");
    await beta.resonateOn("in", async () => {
      await new Promise<void>((resolve) => leaveBehind(() => void beta.emit("out").then(() => resolve())));
      await beta.emit("out");
    });
    await aether.vibrator("sink").resonateOn("out", (wave) => void waves.push(wave));
    await rest(aether);
    const { id } = await aether.vibrator("emitter").emit("in");
    await until(() => waves.length === 2);
    for (const wave of waves) {
      expect(wave).toMatchObject({ cause: id, trace: id, hops: 2 });
    }
  });

  test("is remembered, although handlers that leave nothing behind follow", async () => {
    const aether = await connectFresh();
    const waves: Wave[] = [];
    const gate = new Gate();
    const beta = aether.vibrator("beta");
    let waiting = false;
    await beta.resonateOn("in", () => {
      leaveBehind(() => {
        waiting = true;
        void gate.passed.then(() => beta.emit("out"));
      });
    });
    await aether.vibrator("sink").resonateOn("out", (wave) => void waves.push(wave));
    await rest(aether);
    const { id } = await aether.vibrator("emitter").emit("in");
    await handleMany(aether);
    await until(() => waiting);
    await handleMany(aether);
    gate.open();
    await until(() => waves.length === 1);
    expect(waves[0]).toMatchObject({ trace: id, cause: undefined, hops: 1 });
  });

  test("causes nothing of what others waited for meanwhile", async () => {
    const aether = await connectFresh();
    const waves: Wave[] = [];
    const gate = new Gate();
    let left = 0;
    const beta = aether.vibrator("beta");
    await beta.resonateOn("in", () => {
      gate.open();
      leaveBehind(() => left++);
    });
    await aether.vibrator("gamma").resonateOn("in", () => gate.open());
    await aether.vibrator("sink").resonateOn("out", (wave) => void waves.push(wave));
    await rest(aether);
    const outsiders = Array.from({ length: 3 }, async (_, i) => {
      for (let awaits = 0; awaits < i; awaits++) {
        await earlier;
      }
      await gate.passed;
      await aether.vibrator("outsider").emit("out");
    });
    await aether.vibrator("emitter").emit("in");
    await Promise.all(outsiders);
    await until(() => waves.length === 3 && left === 1);
    for (const wave of waves) {
      expect(wave).toMatchObject({ trace: wave.id, cause: undefined, hops: 1 });
    }
  });
});

describe("the storage", () => {
  test("rests between ticks as long as handlers leave nothing behind", async () => {
    const aether = await connectFresh();
    expect(isTaxed()).toBe(false);
    for (let i = 0; i < 5; i++) {
      await rest(aether);
    }
    await aether.vibrator("beta").resonateOn("ask", () => "an answer");
    expect((await aether.vibrator("alpha").query("ask")).payload).toBe("an answer");
    await rest(aether);
  });

  test("rests while handlers throw, and their failures still come back", async () => {
    const aether = await connectFresh();
    const alpha = aether.vibrator("alpha");
    await aether.vibrator("beta").resonateOn("ask", () => {
      throw new Error("no");
    });
    await rest(aether);
    await expect(alpha.query("ask")).rejects.toMatchObject({ code: "AETHER_HANDLER_FAILED" });
    await rest(aether);
  });

  test("is kept once something was left behind, and closes with the last aether", async () => {
    const aether = await connectFresh();
    let left = false;
    await aether.vibrator("beta").resonateOn("in", () => void earlier.then(() => (left = true)));
    await aether.vibrator("alpha").emit("in");
    await until(() => left);
    await handleMany(aether);
    expect(isTaxed()).toBe(canTax);
    await aether.close();
    await until(() => !isTaxed());
  });

  test("is shared by the aethers of a process, whichever of them handles and whichever closes", async () => {
    const aether = await connectFresh();
    const { Aether: Sibling } = await import("@aether/core");
    const [other, third] = [await Sibling.connect(), await Sibling.connect()];
    onTestFinished(() => other.close({ deadlineMs: 0 }));
    const waves: Wave[] = [];
    const bridge = other.vibrator("bridge");
    await other.vibrator("sink").resonateOn("out", (wave) => void waves.push(wave));
    await aether.vibrator("beta").resonateOn("in", () => void bridge.emit("out"));
    await aether.vibrator("gamma").resonateOn("later", () => void setTimeout(() => void bridge.emit("out"), 1));
    await rest(aether);
    await rest(other);
    await third.close();
    const emitter = aether.vibrator("emitter");
    const first = await emitter.emit("in");
    const second = await emitter.emit("later");
    await until(() => waves.length === 2);
    expect(waves.map(({ trace, cause, hops }) => [trace, cause, hops])).toEqual([
      [first.id, first.id, 2],
      [second.id, undefined, 1],
    ]);
  });

  test("leaves other storages alone", async () => {
    const storage = new AsyncLocalStorage<string>();
    const aether = await connectFresh();
    const heard: unknown[] = [];
    await aether.vibrator("beta").resonateOn("in", () => void heard.push(aether.stats().running));
    await storage.run("ours", async () => {
      const emitter = aether.vibrator("emitter");
      for (let i = 0; i < 100; i++) {
        await emitter.emit("in");
        heard.push(storage.getStore());
      }
      await earlier;
      expect(storage.getStore()).toBe("ours");
    });
    storage.disable();
    await until(() => heard.length === 200);
    expect(heard.filter((value) => value === "ours").length).toBe(100);
  });
});
