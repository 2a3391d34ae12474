/** What a door answers: the probes of an orchestrator and the scrapes of Prometheus. Pure but for the metrics. */

import { AggregatorRegistry, type Registry } from "prom-client";
import type { Secret } from "../config/secret.ts";
import { CHECKS, type Health } from "./health.ts";

/** A run that is seen through a door. */
export interface Tenant {
  /** Shown at `/livez`, `/readyz` and `/startupz`, if it is there. */
  readonly health: Health | undefined;
  /** Shown at `/metrics`, if it is there. */
  readonly registry: Registry | undefined;
  /** What callers from other machines must show to see more than whether it is well. */
  readonly token: Secret | undefined;
}

export interface Answer {
  readonly status: number;
  readonly text: string;
  readonly type?: string;
  /** What else is told of it. */
  readonly headers?: Readonly<Record<string, string>>;
}

const PLAIN = "text/plain; charset=utf-8";
const NOT_FOUND: Answer = { status: 404, text: "not found\n" };
const UNAUTHORISED: Answer = { status: 401, text: "unauthorised\n", headers: { "www-authenticate": "Bearer" } };
const BEARER = "Bearer ";

/** What is asked, as far as it matters. */
export interface Question {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly authorization: string | undefined;
  /** Whether it comes from this machine. */
  readonly isLocal: boolean;
}

/** The answer to `question` for all `tenants` of the door. */
export async function answerOf(question: Question, tenants: readonly Tenant[]): Promise<Answer> {
  const { method, url = "/" } = question;
  if (method !== "GET" && method !== "HEAD") {
    return { status: 405, text: "method not allowed\n", headers: { allow: "GET, HEAD" } };
  }
  const [path = "/", query = ""] = url.split("?", 2);
  const isVerbose = new URLSearchParams(query).has("verbose");
  const healths = tenants.map(({ health }) => health).filter((health) => health !== undefined);
  const probe = PROBES[path];
  if (probe !== undefined && healths.length > 0) {
    if (isVerbose && !mayLook(question, tenants)) {
      return UNAUTHORISED;
    }
    return probed(path.slice(1), healths, probe, isVerbose);
  }
  const registries = tenants.map(({ registry }) => registry).filter((registry) => registry !== undefined);
  if (path === "/metrics" && registries.length > 0) {
    return mayLook(question, tenants) ? scraped(registries) : UNAUTHORISED;
  }
  return NOT_FOUND;
}

/** Whether a run passes a probe. Whoever can ask is alive, whatever it depends on. */
const PROBES: Readonly<Record<string, (health: Health) => boolean>> = Object.assign(Object.create(null), {
  "/livez": () => true,
  "/readyz": (health: Health) => health.isReady,
  "/startupz": (health: Health) => health.hasStarted,
});

function probed(
  name: string,
  healths: readonly Health[],
  passes: (health: Health) => boolean,
  isVerbose: boolean,
): Answer {
  const isWell = healths.every(passes);
  const end = isWell ? "ok" : "failed";
  const lines = isVerbose ? healths.flatMap(linesOf) : [];
  return { status: isWell ? 200 : 503, text: `${[...lines, isVerbose ? `${name} ${end}` : end].join("\n")}\n` };
}

function linesOf(health: Health): string[] {
  const name = health.services.join("+");
  return CHECKS.map((check) => (health.isWell(check) ? `[+] ${name} ${check} ok` : `[-] ${name} ${check} failed`));
}

/** From this machine anybody may look; from others, who shows the token of every tenant that has one. */
function mayLook({ isLocal, authorization = "" }: Question, tenants: readonly Tenant[]): boolean {
  const shown = authorization.startsWith(BEARER) ? authorization.slice(BEARER.length) : "";
  return isLocal || tenants.every(({ token }) => token === undefined || token.matches(shown));
}

/** One page of all registries. What is counted of the process is the same in each, and is taken from the first. */
async function scraped(registries: readonly Registry[]): Promise<Answer> {
  const [first, ...others] = registries;
  if (first === undefined) {
    return NOT_FOUND;
  }
  if (others.length === 0) {
    return { status: 200, text: await first.metrics(), type: first.contentType };
  }
  const more = await Promise.all(others.map((registry) => registry.getMetricsAsJSON()));
  const own = more.map((metrics) => metrics.filter(({ name }) => !/^(process|nodejs|aether_process)_/.test(name)));
  const sum = AggregatorRegistry.aggregate([await first.getMetricsAsJSON(), ...own]);
  return { status: 200, text: await sum.metrics(), type: first.contentType };
}

/** The headers of `answer`. */
export function headersOf({ text, type = PLAIN, headers }: Answer): Record<string, string | number> {
  return {
    ...headers,
    "content-type": type,
    "content-length": Buffer.byteLength(text),
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
  };
}
