/** Dead letters when processes and the server are killed: every wave that failed has one letter in the end. */

import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { Aether } from "@aether/core";
import { natsMedium } from "@aether/nats";
import { expect, onTestFinished, test } from "vitest";
import { member } from "../../packages/nats/test/jetstream/members.ts";
import { NatsServer, type Version } from "../../packages/nats/test/nats-server.ts";
import { lettersOf } from "./letters.ts";

const WAVES = 150;
/** How many letters a process tells of before it is killed. */
const LETTERS_A_LIFE = 25;
const LIVES = 2;
const PATIENCE_MS = 20_000;

/** A process of its own, from the built packages, in which every wave fails for good. It writes a line for each letter. */
const FAILING = `
import { Aether, UnrecoverableError } from "@aether/core";
import { natsMedium } from "@aether/nats";
const { url, stream } = JSON.parse(process.env.AETHER_FAILING);
const aether = await Aether.connect({ medium: natsMedium({ servers: url, stream }), recorded: ["orders.>"] });
aether.on("dead", () => process.stdout.write("dead\\n"));
await aether.vibrator("beta").resonateOn("orders.*", () => {
  throw new UnrecoverableError("broken");
}, { concurrency: 4 });
`;
const FOLDER = fileURLToPath(new URL("../../services/", import.meta.url));

/** A failing process, and how many letters it has told of. */
class Failing {
  readonly child: ChildProcess;
  letters = 0;

  constructor(url: string, stream: object) {
    const env = { ...process.env, AETHER_FAILING: JSON.stringify({ url, stream }) };
    this.child = spawn(process.execPath, ["--input-type=module", "-e", FAILING], { cwd: FOLDER, env });
    this.child.stdout?.on("data", (text) => {
      this.letters += String(text).split("\n").length - 1;
    });
    onTestFinished(() => this.kill());
  }

  async kill(): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      const ended = new Promise((resolve) => this.child.once("exit", resolve));
      this.child.kill("SIGKILL");
      await ended;
    }
  }
}

/** What became of waves that all failed. */
interface Outcome {
  /** Waves that have no letter and are not to be handled any more. */
  readonly lost: number;
  /** Letters beyond the first of a wave. */
  readonly repeated: number;
}

/** Lets every wave fail in processes that are killed again and again, and the server once, and looks who has a letter. */
async function outcomeOf(version: Version, stream: object): Promise<Outcome> {
  await using server = await NatsServer.start({ version, jetstream: true });
  const medium = natsMedium({ servers: server.url, stream });
  const aether = await Aether.connect({ medium, recorded: ["orders.>"] });
  onTestFinished(() => aether.close({ deadlineMs: 0 }));
  const alpha = aether.vibrator("alpha");
  // The group has its place before the first wave.
  await (await aether.vibrator("beta").resonateOn("orders.*")).close();
  const emits = Array.from({ length: WAVES }, (_, i) => alpha.emit("orders.created", i));
  const ids = (await Promise.all(emits)).map(({ id }) => id);
  await using look = await member(server.url, "aether");
  const pending = async (): Promise<number> =>
    (await look.recorder.groups()).reduce((sum, place) => sum + place.pending, 0);
  for (let life = 0; life < LIVES; life++) {
    const failing = new Failing(server.url, stream);
    await expect
      .poll(() => failing.letters, { timeout: PATIENCE_MS, interval: 2 })
      .toBeGreaterThanOrEqual(LETTERS_A_LIFE);
    await failing.kill();
    if (life === 1) {
      await server.kill("SIGKILL");
      await server.run();
    }
  }
  const last = new Failing(server.url, stream);
  await expect.poll(pending, { timeout: PATIENCE_MS, interval: 50 }).toBe(0);
  await last.kill();
  const letters = (await lettersOf(aether)).map(({ wave }) => wave.id);
  const found = new Set(letters);
  return { lost: ids.filter((id) => !found.has(id)).length, repeated: letters.length - found.size };
}

test("waves that fail in processes that are killed have one letter each", async () => {
  expect(await outcomeOf("2.9", { ackWaitMs: 500 })).toEqual({ lost: 0, repeated: 0 });
}, 40_000);

test("without the stream of dead letters their letters are lost", async () => {
  const { lost } = await outcomeOf("2.10", { ackWaitMs: 500, deadLetters: false });
  expect(lost).toBeGreaterThanOrEqual(LIVES * LETTERS_A_LIFE);
}, 40_000);
