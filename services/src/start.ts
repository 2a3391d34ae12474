/**
 * `npm start`: the whole shop in one process, for people to look at. It goes by the configuration of `shop`. With
 * `aether.persistence_enabled` all that an order goes by is kept, and a shop that was killed goes on where it was.
 */

import { type Log, loadConfig, type RunOptions, runService } from "@aether/service";
import { alpha } from "./alpha.ts";
import { beta } from "./beta.ts";
import { RECORDED } from "./contracts.ts";
import { customers } from "./customers.ts";
import { gamma } from "./gamma.ts";
import { observer } from "./observer.ts";
import { placeOne } from "./once.ts";
import { supplier } from "./supplier.ts";
import { flagsOf, USAGE, UsageError } from "./terminal/flags.ts";
import { notesTo } from "./terminal/notes.ts";
import { screenOf } from "./terminal/screen.ts";
import { aborted, untilStopped } from "./terminal/stop.ts";
import { View } from "./terminal/view.ts";

/** How long the bank takes: long enough to see orders on their way. */
const BANK_MS = 600;
const ONCE_TIMEOUT_MS = 10_000;

/** What the shop runs by, beside what a command line says. */
function optionsOf(view: View): RunOptions & { readonly log: Log } {
  const { config } = loadConfig("shop");
  const log = notesTo((note) => view.note(note));
  const { persistence_enabled: isPersistent, recorded = isPersistent ? RECORDED : undefined } = config.aether;
  return { config, recorded, log };
}

/** Runs the shop until it is stopped, and lets the orders on their way end. */
async function keepOpen(seed: number, rate: number, view: View, signal: AbortSignal): Promise<void> {
  const options = optionsOf(view);
  view.status(`seed ${seed} · ${rate} orders/s · Ctrl-C ends`);
  view.open();
  const show = observer((wave) => view.show(wave));
  const config = { ...options.config, seed, rate, bankMs: BANK_MS };
  const run = await runService([show, alpha, beta, gamma, supplier, customers], { ...options, config });
  await aborted(signal);
  view.status("closing: no new orders, waiting for those on their way");
  await run.close();
  view.close();
}

/** Handles one order and shows its way, or says that it has ended before. Rejects when it is not completed. */
async function handleOne(seed: number, view: View, signal: AbortSignal): Promise<void> {
  const options = optionsOf(view);
  view.open();
  const orderId = `${seed}-1`;
  const show = observer((wave) => {
    if (wave.key === orderId) {
      view.show(wave);
    }
  });
  const config = { ...options.config, bankMs: BANK_MS / 2 };
  await using run = await runService([show, alpha, beta, gamma], { ...options, config, signal });
  const order = { orderId, customer: "ada", items: [{ sku: "lamp", quantity: 2 }] };
  if (!(await placeOne(run.aether, order, { timeoutMs: ONCE_TIMEOUT_MS, signal, log: options.log }))) {
    view.note(`order ${orderId} has ended in an earlier run, which is kept: another --seed makes another order`);
  }
}

/** Does what the command line asks for; resolves to the exit code. */
async function main(): Promise<number> {
  const { help, once, rate, seed = Math.floor(Math.random() * 10_000) } = flagsOf(process.argv.slice(2), process.env);
  if (help) {
    process.stdout.write(USAGE);
    return 0;
  }
  const screen = screenOf(process.stdout, process.env);
  const view = new View(screen);
  const signal = untilStopped(() => screen.close());
  try {
    await (once ? handleOne(seed, view, signal) : keepOpen(seed, rate, view, signal));
    return 0;
  } finally {
    screen.close();
  }
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(error instanceof UsageError ? `${error.message}. Try --help.\n` : `${messageOf(error)}\n`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
