/**
 * `npm run gateway|alpha|beta|gamma`: one part of the shop in a process of its own, on NATS, where all that an order goes
 * by is kept. A part that dies, or a server, is started again and goes on where it was.
 */

import { defineService, type Log, mediumOf, runMain, type Service } from "@aether/service";
import { alpha } from "./alpha.ts";
import { beta } from "./beta.ts";
import { customers } from "./customers.ts";
import { environmentOf } from "./environment.ts";
import { gamma } from "./gamma.ts";
import { observer } from "./observer.ts";
import { supplier } from "./supplier.ts";
import { notesTo } from "./terminal/notes.ts";
import { type Screen, screenOf } from "./terminal/screen.ts";
import { untilUnread } from "./terminal/stop.ts";
import { View } from "./terminal/view.ts";

/** What runs by which configuration; customers come with the orders, and the supplier with the stock. */
interface Part {
  readonly service: string;
  readonly services: (view: View) => readonly Service[];
}

const PARTS: Readonly<Record<string, Part>> = {
  gateway: { service: "gateway", services: (view) => [window(view), observer((wave) => view.show(wave))] },
  alpha: { service: "service-alpha", services: () => [alpha, customers] },
  beta: { service: "service-beta", services: () => [beta, supplier] },
  gamma: { service: "service-gamma", services: () => [gamma] },
};

/** How long a part waits for the others that it needs. */
const NEEDS_MS = 10 * 60_000;
const SEEDS = 2 ** 31;

/** Closes the view in the end. */
function window(view: View): Service {
  return defineService("window", () => () => view.close());
}

async function main(screen: Screen): Promise<void> {
  const [name = ""] = process.argv.slice(2);
  const part = Object.hasOwn(PARTS, name) ? PARTS[name] : undefined;
  if (part === undefined) {
    throw new Error(`Expected one of ${Object.keys(PARTS).join(", ")}, got "${name}"`);
  }
  const { nats, recorded, logsJson, follow, config } = environmentOf(part.service, process.env);
  const view = new View(screen);
  // For people it says what they must know, for machines everything.
  const log: Log | undefined = logsJson ? undefined : notesTo((note) => view.note(note));
  const run = await runMain(part.services(view), {
    medium: mediumOf({ useNats: true, nats }),
    ...{ recorded, follow, log },
    // Orders of one process must not be taken for those of another.
    config: { ...config, seed: Math.floor(Math.random() * SEEDS) },
    signal: untilUnread(),
    needsTimeoutMs: NEEDS_MS,
  });
  if (run !== undefined) {
    screen.print([[`${name} is up on ${nats.servers}`]]);
  }
  if (run !== undefined && name === "gateway") {
    view.open();
  }
}

const screen = screenOf(process.stdout, process.env);
process.once("exit", () => screen.close());
try {
  await main(screen);
} catch (error) {
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`${message.replaceAll("\n", " ")}\n`);
  process.exitCode = 1;
}
