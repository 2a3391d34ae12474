/**
 * A process under pressure, whose memory is measured from its own side: `node --expose-gc pressed.mjs <what> <options>`.
 * It writes lines of JSON, and goes on when it is sent a line.
 */

import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";
import { Aether } from "@aether/core";
import { natsMedium } from "@aether/nats";
import { connect } from "@nats-io/transport-node";

const [what, options] = process.argv.slice(2);
const { url, rate, seconds, bytes, waves, outbox, recorded } = JSON.parse(options ?? "{}");
const TICK_MS = 10;
const SAMPLE_MS = 50;
const COLLECTIONS = 10;
const payload = "x".repeat(bytes);

const tell = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
const lines = createInterface({ input: process.stdin });
const asked = lines[Symbol.asyncIterator]();
const told = () => asked.next();

/** Resident bytes without garbage: the platform gives pages back only some time after it has found them empty. */
async function resident() {
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < COLLECTIONS; round++) {
    globalThis.gc();
    await pause(SAMPLE_MS);
    least = Math.min(least, process.memoryUsage.rss());
  }
  return least;
}

/** Lets the platform take what it takes for objects that live a moment: that is no part of what waits. */
async function warmUp() {
  for (let round = 0; round < 20; round++) {
    const kept = Array.from({ length: 50_000 }, (_, at) => ({ at, text: `${at}`, promise: Promise.resolve(at) }));
    await Promise.all(kept.map(({ promise }) => promise));
  }
}

/** The most that was resident, garbage included. */
function watched() {
  let most = 0;
  const timer = setInterval(() => {
    most = Math.max(most, process.memoryUsage.rss());
  }, SAMPLE_MS);
  return () => {
    clearInterval(timer);
    return most;
  };
}

/** Calls `emit` `rate` times a second, however late the event loop is. */
async function atRate(emit) {
  const all = rate * seconds;
  const since = performance.now();
  for (let sent = 0; sent < all; ) {
    const due = Math.min(all, ((performance.now() - since) / 1000) * rate);
    for (; sent < due; sent++) {
      emit(sent);
    }
    await pause(TICK_MS);
  }
  return all;
}

/** Emits while no server is there; every wave is to have a verdict once it is back. */
async function emits() {
  const aether = await Aether.connect({
    medium: natsMedium({
      servers: url,
      pingIntervalMs: 250,
      ...(outbox && { outbox }),
      ...(!recorded && { stream: false }),
    }),
    ...(recorded && { recorded: ["a"] }),
  });
  const emitter = aether.vibrator("alpha");
  for (let i = 0; i < 5000; i++) {
    await emitter.emit("warm", payload);
  }
  await warmUp();
  const down = new Promise((resolve) => aether.on("disconnected", resolve));
  tell({ ready: true });
  await down;
  const before = await resident();
  const most = watched();
  const verdicts = {};
  const count = (verdict) => {
    verdicts[verdict] = (verdicts[verdict] ?? 0) + 1;
  };
  const emits = await atRate((i) => {
    emitter.emit("a", payload, { amplitude: i % 4 === 0 ? 0.9 : 0.2 }).then(
      () => count("sent"),
      ({ code }) => count(code),
    );
  });
  const peak = most() - before;
  tell({ emits, grown: (await resident()) - before, peak, heap: process.memoryUsage().heapUsed, verdicts });
  await told();
  const sum = () => Object.values(verdicts).reduce((all, one) => all + one, 0);
  const givenUpAt = performance.now() + 30_000;
  while (sum() < emits && performance.now() < givenUpAt) {
    await pause(TICK_MS);
  }
  tell({ verdicts, unknown: emits - sum() });
  await aether.close({ deadlineMs: 0 });
}

/** The same by the plain client, which tells of nothing. */
async function publishes() {
  const nc = await connect({ servers: url, maxReconnectAttempts: -1, reconnectTimeWait: 50, pingInterval: 250 });
  const down = (async () => {
    for await (const { type } of nc.status()) {
      if (type === "disconnect") {
        return;
      }
    }
  })();
  tell({ ready: true });
  await down;
  const before = await resident();
  const most = watched();
  const emits = await atRate(() => nc.publish("a", payload));
  const peak = most() - before;
  tell({ emits, grown: (await resident()) - before, peak, verdicts: {} });
  await told();
  await nc.close();
}

/** Hears more than it handles. */
async function hears() {
  const aether = await Aether.connect({ medium: natsMedium({ servers: url, pingIntervalMs: 10_000, stream: false }) });
  const capacity = 10_000;
  const resonance = await aether
    .vibrator("beta")
    .resonateOn("a", () => pause(50), { concurrency: 1, inbox: { capacity } });
  await aether.vibrator("warm").resonateOn("warm", () => {});
  for (let i = 0; i < 5000; i++) {
    await aether.vibrator("warm").emit("warm", payload);
  }
  await warmUp();
  const before = await resident();
  const most = watched();
  tell({ ready: true });
  const givenUpAt = performance.now() + 60_000;
  while (resonance.stats().received < waves && performance.now() < givenUpAt) {
    await pause(TICK_MS);
  }
  const peak = most() - before;
  const { received, delivered, queued, absorbed } = resonance.stats();
  tell({ grown: (await resident()) - before, peak, received, delivered, queued, evicted: absorbed.evicted });
  await aether.close({ deadlineMs: 0 });
}

/** The same by the iterator of the plain client. */
async function iterates() {
  const nc = await connect({ servers: url });
  const subscription = nc.subscribe("a");
  void (async () => {
    for await (const _ of subscription) {
      await pause(50);
    }
  })();
  await nc.flush();
  await warmUp();
  const before = await resident();
  tell({ ready: true });
  const givenUpAt = performance.now() + 60_000;
  while (subscription.getReceived() < waves && performance.now() < givenUpAt) {
    await pause(TICK_MS);
  }
  tell({ grown: (await resident()) - before, queued: subscription.getPending() });
  await nc.close();
}

await { emits, publishes, hears, iterates }[what]();
lines.close();
process.exit(0);
