/** `npm run gateway|alpha|beta|gamma`: one part of the shop in a process of its own, on NATS. */

import { mediumOf, runService, type Service } from "@aether/service";
import { alpha } from "./alpha.ts";
import { beta } from "./beta.ts";
import { customers } from "./customers.ts";
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
const DEFAULT_URL = "nats://127.0.0.1:4222";
const SEEDS = 2 ** 31;

async function main(): Promise<void> {
  const [name = ""] = process.argv.slice(2);
  const part = Object.hasOwn(PARTS, name) ? PARTS[name] : undefined;
  if (part === undefined) {
    throw new Error(`Expected one of ${Object.keys(PARTS).join(", ")}, got "${name}"`);
  }
  const screen = screenOf(process.stdout, process.env);
  const signal = untilStopped(() => screen.close());
  const { AETHER__AETHER__NATS_URL: servers = DEFAULT_URL, AETHER__AETHER__NAMESPACE: namespace } = process.env;
  const medium = mediumOf({ useNats: true, nats: { servers, namespace } });
  // Orders of one process must not be taken for those of another.
  const config = { seed: Math.floor(Math.random() * SEEDS) };
  const view = name === "gateway" ? new View(screen) : undefined;
  const services = view === undefined ? part : [observer((wave) => view.show(wave))];
  const run = await runService(services, { medium, config, signal, needsTimeoutMs: NEEDS_MS });
  screen.print([[`${name} is up on ${servers}`]]);
  view?.open();
  await aborted(signal);
  await run.close();
  view?.close();
  screen.close();
}

try {
  await main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
