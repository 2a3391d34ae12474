/** A process that is drained under load. */

import { Child } from "./child.ts";

export const QUIET = "[operations]\nhealth_enabled = false\n[observability]\nlog_json = true\n";
export const grace = (ms: number): string =>
  QUIET.replace("[operations]\n", `[operations]\nshutdown_grace_ms = ${ms}\n`);

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Drains a process under load; gives what it told last. */
export async function drained(
  graceMs: number,
): Promise<{ code: number | null; accepted: number; lost: number; tookMs: number }> {
  await using child = new Child("loaded", grace(graceMs));
  await child.told("loaded");
  child.kill("SIGTERM");
  const { code, tookMs } = await child.ended;
  const { accepted = 0, handled = 0 } = child.facts.at(-1) ?? {};
  return { code, accepted: Number(accepted), lost: Number(accepted) - Number(handled), tookMs };
}
