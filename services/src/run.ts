/**
 * `npm run gateway|alpha|beta|gamma`: one part of the shop in a process of its own, on NATS, where all that an order goes
 * by is kept. A part that dies, or a server, is started again and goes on where it was.
 */

import { mediumOf, runService, type Service } from "@aether/service";
import { alpha } from "./alpha.ts";
import { beta } from "./beta.ts";
import { customers } from "./customers.ts";
import { environmentOf } from "./environment.ts";
import { gamma } from "./gamma.ts";
import { observer } from "./observer.ts";
import { supplier } from "./supplier.ts";
import { screenOf } from "./terminal/screen.ts";
import { aborted, untilStopped } from "./terminal/stop.ts";
import { View } from "./terminal/view.ts";

/** What runs under which name; customers come with the orders, and the supplier with the stock. */
const PARTS: Readonly<Record<string, readonly Service[]>> = {
  gateway: [],
  alpha: [alpha, customers],
  beta: [beta, supplier],
  gamma: [gamma],
};

/** How long a part waits for the others that it needs. */
const NEEDS_MS = 10 * 60_000;
const SEEDS = 2 ** 31;

async function main(): Promise<void> {
  const [name = ""] = process.argv.slice(2);
  const part = Object.hasOwn(PARTS, name) ? PARTS[name] : undefined;
  if (part === undefined) {
    throw new Error(`Expected one of ${Object.keys(PARTS).join(", ")}, got "${name}"`);
  }
  const screen = screenOf(process.stdout, process.env);
  const signal = untilStopped(() => screen.close());
  const { nats, recorded, shutdownGraceMs, config: settings } = environmentOf(process.env);
  const medium = mediumOf({ useNats: true, nats });
  // Orders of one process must not be taken for those of another.
  const config = { ...settings, seed: Math.floor(Math.random() * SEEDS) };
  const view = name === "gateway" ? new View(screen) : undefined;
  const services = view === undefined ? part : [observer((wave) => view.show(wave))];
  const run = await runService(services, { medium, recorded, config, signal, needsTimeoutMs: NEEDS_MS });
  screen.print([[`${name} is up on ${nats.servers}`]]);
  view?.open();
  await aborted(signal);
  await run.close({ deadlineMs: shutdownGraceMs });
  view?.close();
  screen.close();
}

try {
  await main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
