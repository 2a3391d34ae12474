/** What `runService` promises: order of start and end, readiness, and errors that name the service. */

import { Aether, AetherError, channel, inProcess } from "@aether/core";
import { describe, expect, expectTypeOf, test } from "vitest";
import { defineService, type LogFields, runService, type Service, type ServiceConfig } from "../src/index.ts";

const Ping = channel("test.ping");

/** A service that hears `Ping`. */
const hearing: Service = defineService("hearing", async ({ vibrator }) => {
  await vibrator.resonateOn(Ping, () => "pong");
});

async function failureOf(work: Promise<unknown>): Promise<unknown> {
  return await work.then(
    () => expect.unreachable("expected a rejection"),
    (error: unknown) => error,
  );
}

describe("starting", () => {
  test("a service is set up with its own vibrator, the shared aether and the configuration", async () => {
    const seen: string[] = [];
    const service = defineService("one", ({ aether, vibrator, config, signal }) => {
      expectTypeOf(config).toEqualTypeOf<ServiceConfig>();
      seen.push(vibrator.name, String(config["greeting"]), String(aether instanceof Aether), String(signal.aborted));
    });
    await using _ = await runService(service, { config: { greeting: "hello" } });
    expect(seen).toEqual(["one", "hello", "true", "false"]);
  });

  test("services of one run share one medium, and need each other in any order", async () => {
    const answers: unknown[] = [];
    const asking = defineService(
      "asking",
      async ({ aether, vibrator }) => {
        await aether.whenHeard(Ping, { timeoutMs: 2000 });
        answers.push((await vibrator.query(Ping, {})).payload);
      },
      { needs: [Ping] },
    );
    await using _ = await runService([asking, hearing]);
    expect(answers).toEqual(["pong"]);
  });

  test("ready resolves once every setup is done and every need is heard", async () => {
    const order: string[] = [];
    let isReady: Promise<void> | undefined;
    const first = defineService("first", ({ ready }) => {
      isReady = ready.then(() => void order.push("ready"));
    });
    const second = defineService("second", async ({ aether }) => {
      await aether.vibrator("other").resonateOn(Ping);
      order.push("second");
    });
    await using _ = await runService([first, second]);
    await isReady;
    expect(order).toEqual(["second", "ready"]);
  });

  test("a need that nobody hears rejects with the service and the channel", async () => {
    const needy = defineService("needy", () => {}, { needs: ["test.nowhere", Ping] });
    const error = await failureOf(runService([needy, hearing], { needsTimeoutMs: 20 }));
    expect(error).toBeInstanceOf(AetherError);
    expect(error).toMatchObject({
      code: "AETHER_TIMEOUT",
      message: 'Nobody resonated within 20 ms where a service needs it: "needy" needs "test.nowhere"',
    });
  });

  test("a need may be heard by somebody else on the medium", async () => {
    const medium = inProcess();
    await using elsewhere = await runService(hearing, { medium });
    await using here = await runService(
      defineService("needy", () => {}, { needs: [Ping] }),
      { medium },
    );
    expect(here.aether).not.toBe(elsewhere.aether);
  });

  test("an illegal need rejects with the service's name", async () => {
    const error = await failureOf(runService(defineService("needy", () => {}, { needs: ["no good"] })));
    expect(error).toMatchObject({ code: "AETHER_BAD_CHANNEL", details: { service: "needy" } });
  });

  test("a setup that throws closes what was started and rejects with the service's name", async () => {
    const stopped: string[] = [];
    let aether: Aether | undefined;
    const good = defineService("good", (context) => {
      aether = context.aether;
      return () => void stopped.push("good");
    });
    const cause = new Error("no disk");
    const bad = defineService("bad", async () => {
      await Promise.resolve();
      throw cause;
    });
    const error = await failureOf(runService([good, bad]));
    expect(error).toMatchObject({ message: 'Service "bad" did not start: no disk', cause });
    expect(stopped).toEqual(["good"]);
    expect(() => aether?.vibrator("late")).toThrow(/closed/);
  });

  test("an AetherError of a setup keeps its code", async () => {
    const twice = defineService("twice", async ({ vibrator }) => {
      await vibrator.resonateOn(Ping);
      await vibrator.resonateOn(Ping);
    });
    const error = await failureOf(runService(twice));
    expect(error).toBeInstanceOf(AetherError);
    expect(error).toMatchObject({ code: "AETHER_AMBIGUOUS", details: { service: "twice" } });
  });

  test("what a slow setup begins after another one has failed is stopped too", async () => {
    const stopped: string[] = [];
    const slow = defineService("slow", async ({ signal }) => {
      await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
      return () => void stopped.push("slow");
    });
    const bad = defineService("bad", () => {
      throw new Error("no");
    });
    await failureOf(runService([slow, bad]));
    await expect.poll(() => stopped).toEqual(["slow"]);
  });

  test("a signal that aborts gives up the start and rejects with its reason", async () => {
    const stop = new AbortController();
    const reason = new Error("enough");
    const stuck = defineService("stuck", () => new Promise<void>(() => {}));
    const starting = runService(stuck, { signal: stop.signal });
    stop.abort(reason);
    expect(await failureOf(starting)).toBe(reason);
    expect(await failureOf(runService(hearing, { signal: stop.signal }))).toBe(reason);
  });

  test("an aether with connect options is refused", async () => {
    await using aether = await Aether.connect();
    const error = await failureOf(runService(hearing, { aether, physics: false }));
    expect(error).toMatchObject({ code: "AETHER_BAD_OPTION" });
    expect(await failureOf(runService(hearing, { needsTimeoutMs: -1 }))).toMatchObject({ code: "AETHER_BAD_OPTION" });
  });
});

describe("closing", () => {
  test("stop functions are called last service first, while waves still travel", async () => {
    const order: string[] = [];
    const first = defineService("first", async ({ vibrator, signal }) => {
      await vibrator.resonateOn(Ping, () => "still here");
      return () => void order.push(`first, aborted: ${signal.aborted}`);
    });
    const second = defineService("second", ({ vibrator }) => async () => {
      order.push(`second hears: ${(await vibrator.query(Ping, {})).payload}`);
    });
    const run = await runService([first, second]);
    await run.close();
    await run.close();
    expect(order).toEqual(["second hears: still here", "first, aborted: true"]);
    expect(() => run.aether.vibrator("late")).toThrow(/closed/);
  });

  test("running handlers are waited for", async () => {
    let finish = (): void => {};
    const finished: string[] = [];
    const slow = defineService("slow", async ({ vibrator }) => {
      await vibrator.resonateOn(Ping, async () => {
        await new Promise<void>((resolve) => {
          finish = resolve;
        });
        finished.push("handler");
      });
    });
    const run = await runService(slow);
    await run.aether.vibrator("emitter").emit(Ping, {}, { kind: "command" });
    await expect.poll(() => run.aether.stats().running).toBe(1);
    const closing = run.close().then(() => finished.push("closed"));
    finish();
    await closing;
    expect(finished).toEqual(["handler", "closed"]);
  });

  test("a stop function that fails is reported once everything is closed", async () => {
    const stopped: string[] = [];
    const good = defineService("good", () => () => void stopped.push("good"));
    const bad = defineService("bad", () => () => {
      throw new Error("stuck door");
    });
    const run = await runService([good, bad]);
    expect(await failureOf(run.close())).toMatchObject({ message: 'Service "bad" did not stop: stuck door' });
    expect(stopped).toEqual(["good"]);
    expect(() => run.aether.vibrator("late")).toThrow(/closed/);
  });

  test("a stop function that takes too long is given up at the deadline, and the others are still called", async () => {
    const stopped: string[] = [];
    const good = defineService("good", () => () => void stopped.push("good"));
    const endless = defineService("endless", () => () => new Promise<void>(() => {}));
    const run = await runService([good, endless]);
    const error = await failureOf(run.close({ deadlineMs: 20 }));
    expect(error).toMatchObject({ code: "AETHER_TIMEOUT", details: { service: "endless" } });
    expect(stopped).toEqual(["good"]);
  });

  test("an illegal deadline is refused and closes nothing", async () => {
    await using run = await runService(hearing);
    expect(await failureOf(run.close({ deadlineMs: -1 }))).toMatchObject({ code: "AETHER_BAD_OPTION" });
    expect(run.aether.vibrator("still-open").name).toBe("still-open");
  });

  test("the signal closes the services", async () => {
    const stop = new AbortController();
    const run = await runService(hearing, { signal: stop.signal });
    stop.abort();
    await run.close();
    expect(() => run.aether.vibrator("late")).toThrow(/closed/);
  });

  test("an aether that was given stays open, without the services' vibrators", async () => {
    await using aether = await Aether.connect();
    const run = await runService(hearing, { aether });
    await run.close();
    expect(aether.graph().vibrators).toEqual([]);
    expect(aether.vibrator("next").name).toBe("next");
  });
});

test("every message of a log carries the name of its service", async () => {
  const written: [string, string, LogFields | undefined][] = [];
  const at = (level: string) => (message: string, fields?: LogFields) => void written.push([level, message, fields]);
  const log = { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
  const talking = defineService("talking", (context) => {
    context.log.info("up", { port: 1 });
    context.log.error("down");
  });
  await using _ = await runService(talking, { log });
  expect(written).toEqual([
    ["info", "up", { service: "talking", port: 1 }],
    ["error", "down", { service: "talking" }],
  ]);
});
