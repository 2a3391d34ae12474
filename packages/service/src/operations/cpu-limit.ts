/** The limit of processor time: the kernel's own, so that it holds for a process that hears nothing any more. */

import { spawnSync } from "node:child_process";
import { AetherError } from "@aether/core";

const KEY = "operations.cpu_time_limit_secs";
/** Seconds between the limit, which is told, and the one at which the kernel kills. */
const MARGIN_S = 5;

/**
 * Asks the kernel to send SIGXCPU once this process has used `seconds` of processor time, counted from its start, and to
 * kill it after `graceMs` and 5 s more. Throws `AETHER_UNSUPPORTED` where it cannot.
 */
export function limitCpuTime(seconds: number, graceMs: number): void {
  const soft = Math.ceil(seconds);
  const hard = soft + Math.ceil(graceMs / 1000) + MARGIN_S;
  if (process.platform !== "linux") {
    throw unsupported(`a system with limits of processor time, got ${process.platform}`);
  }
  const { error, status, stderr } = spawnSync("prlimit", [`--pid=${process.pid}`, `--cpu=${soft}:${hard}`], {
    encoding: "utf8",
    timeout: 5000,
  });
  if (error !== undefined) {
    throw unsupported("the program prlimit of util-linux, got none");
  }
  if (status !== 0) {
    throw unsupported(`a limit that the kernel grants, got "${stderr.trim().slice(0, 200)}"`);
  }
}

function unsupported(what: string): AetherError {
  return new AetherError(
    "AETHER_UNSUPPORTED",
    `Expected for \`${KEY}\` ${what}. Leave the key out, or limit it outside`,
    {
      details: { key: KEY },
    },
  );
}
