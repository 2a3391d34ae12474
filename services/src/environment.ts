/** The environment of a part of the shop that runs by itself: `AETHER__…` variables, checked, as options and settings. */

import type { MediumChoice, ServiceConfig } from "@aether/service";
import { z } from "zod";
import { RECORDED } from "./contracts.ts";

/** What the environment says. */
export interface Environment {
  readonly nats: NonNullable<MediumChoice["nats"]>;
  /** The patterns that are kept. */
  readonly recorded: readonly string[];
  /** How long closing may take, in milliseconds. */
  readonly shutdownGraceMs: number;
  /** What the services read. */
  readonly config: ServiceConfig;
}

const DEFAULT_URL = "nats://127.0.0.1:4222";
const DEFAULT_GRACE_MS = 10_000;

const text = z.string().min(1).optional();
const whole = z
  .string()
  .regex(/^\d{1,15}$/, "expected a whole number")
  .transform(Number)
  .optional();
const list = z.string().transform((given) => given.split(",").map((part) => part.trim()));

/** Every variable there is, under the names of the configuration: section, then key. */
const schema = z.strictObject({
  /** Addresses of servers, with commas between. */
  AETHER__AETHER__NATS_URL: list.default([DEFAULT_URL]),
  AETHER__AETHER__NAMESPACE: text,
  /** Patterns that are kept, with commas between; empty: none. Default: what an order goes by. */
  AETHER__AETHER__RECORDED: list.transform((patterns) => patterns.filter(Boolean)).default([...RECORDED]),
  AETHER__AETHER__NATS_MTLS_CA_PATH: text,
  AETHER__AETHER__NATS_MTLS_CLIENT_CERT_PATH: text,
  AETHER__AETHER__NATS_MTLS_CLIENT_KEY_PATH: text,
  /** How many servers of a cluster keep each wave. */
  AETHER__AETHER__NATS_STREAM_REPLICAS: whole,
  /** After how long a wave whose holder has died goes to another one. */
  AETHER__AETHER__NATS_STREAM_ACK_WAIT_MS: whole,
  /** For how long a step of an order that is taken again is known. */
  AETHER__AETHER__NATS_STREAM_DUPLICATE_WINDOW_MS: whole,
  AETHER__AETHER__NATS_STREAM_MAX_AGE_MS: whole,
  AETHER__OPERATIONS__SHUTDOWN_GRACE_MS: whole,
  /** Orders a second that the customers place, on average. */
  AETHER__SHOP__RATE: whole,
  /** How many they place in all. */
  AETHER__SHOP__ORDERS: whole,
  /** How long the bank takes. */
  AETHER__SHOP__BANK_MS: whole,
});

/** The names of the variables. */
export const VARIABLES: readonly string[] = Object.keys(schema.shape);

/** What `env` says. Throws an error of one line that names the variable. */
export function environmentOf(env: Readonly<Record<string, string | undefined>>): Environment {
  const ours = Object.entries(env).filter(([name, value]) => name.startsWith("AETHER__") && value !== undefined);
  const unknown = ours.find(([name]) => !VARIABLES.includes(name));
  if (unknown !== undefined) {
    throw new Error(`Expected one of ${VARIABLES.join(", ")}, got ${unknown[0]}`);
  }
  const { data, error } = schema.safeParse(Object.fromEntries(ours));
  if (data === undefined) {
    const [issue] = error.issues;
    throw new Error(`${issue?.path.join(".")}: ${issue?.message}`);
  }
  const tls = {
    caFile: data.AETHER__AETHER__NATS_MTLS_CA_PATH,
    certFile: data.AETHER__AETHER__NATS_MTLS_CLIENT_CERT_PATH,
    keyFile: data.AETHER__AETHER__NATS_MTLS_CLIENT_KEY_PATH,
  };
  return {
    nats: {
      servers: data.AETHER__AETHER__NATS_URL,
      namespace: data.AETHER__AETHER__NAMESPACE,
      tls: Object.values(tls).some((file) => file !== undefined) ? tls : undefined,
      stream: {
        replicas: data.AETHER__AETHER__NATS_STREAM_REPLICAS,
        ackWaitMs: data.AETHER__AETHER__NATS_STREAM_ACK_WAIT_MS,
        duplicateWindowMs: data.AETHER__AETHER__NATS_STREAM_DUPLICATE_WINDOW_MS,
        maxAgeMs: data.AETHER__AETHER__NATS_STREAM_MAX_AGE_MS,
      },
    },
    recorded: data.AETHER__AETHER__RECORDED,
    shutdownGraceMs: data.AETHER__OPERATIONS__SHUTDOWN_GRACE_MS ?? DEFAULT_GRACE_MS,
    config: {
      rate: data.AETHER__SHOP__RATE,
      orders: data.AETHER__SHOP__ORDERS,
      bankMs: data.AETHER__SHOP__BANK_MS,
    },
  };
}
