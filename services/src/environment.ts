/** What a part of the shop runs by: the configuration of its service, and the variables for which that has no key. */

import { type FollowOptions, loadConfig, type MediumChoice, mediumChoiceOf, type ServiceConfig } from "@aether/service";
import { z } from "zod";
import { RECORDED } from "./contracts.ts";

type NatsOptions = NonNullable<MediumChoice["nats"]>;

/** What configuration and environment say. */
export interface Environment {
  readonly nats: NatsOptions;
  /** The patterns that are kept. */
  readonly recorded: readonly string[];
  /** How long closing may take, in milliseconds. */
  readonly shutdownGraceMs: number;
  /** Where health is served; `undefined`: nowhere. */
  readonly healthBind: string | undefined;
  /** Whether the log is for machines. */
  readonly logsJson: boolean;
  /** The configuration, for whoever follows it. */
  readonly follow: FollowOptions;
  /** What the services read beside it. */
  readonly config: ServiceConfig;
}

const whole = z
  .string()
  .regex(/^\d{1,15}$/, "expected a whole number")
  .transform(Number)
  .optional();

/** Every variable that is none of the configuration, under a name of the same form. */
const schema = z.object({
  /** How many servers of a cluster keep each wave. */
  AETHER__AETHER__NATS_STREAM_REPLICAS: whole,
  /** After how long a wave whose holder has died goes to another one. */
  AETHER__AETHER__NATS_STREAM_ACK_WAIT_MS: whole,
  /** For how long a step of an order that is taken again is known. */
  AETHER__AETHER__NATS_STREAM_DUPLICATE_WINDOW_MS: whole,
  AETHER__AETHER__NATS_STREAM_MAX_AGE_MS: whole,
  /** Orders a second that the customers place, on average. */
  AETHER__SHOP__RATE: whole,
  /** How many they place in all. */
  AETHER__SHOP__ORDERS: whole,
  /** How long the bank takes. */
  AETHER__SHOP__BANK_MS: whole,
});

type Variables = Readonly<Record<string, string | undefined>>;

/** What `service` runs by with the variables `env`. Throws an error that names the variable, or as `loadConfig` does. */
export function environmentOf(service: string, env: Variables): Environment {
  const { data, error } = schema.safeParse(env);
  if (data === undefined) {
    const [issue] = error.issues;
    throw new Error(`${issue?.path.join(".")}: ${issue?.message}`);
  }
  const others = Object.fromEntries(Object.entries(env).filter(([name]) => !Object.hasOwn(schema.shape, name)));
  const follow: FollowOptions = { name: service, env: others, flags: { "aether.use_nats": true } };
  const { config } = loadConfig(service, { env: others, flags: { "aether.use_nats": true } });
  return {
    nats: {
      ...mediumChoiceOf(config).nats,
      stream: {
        replicas: data.AETHER__AETHER__NATS_STREAM_REPLICAS,
        ackWaitMs: data.AETHER__AETHER__NATS_STREAM_ACK_WAIT_MS,
        duplicateWindowMs: data.AETHER__AETHER__NATS_STREAM_DUPLICATE_WINDOW_MS,
        maxAgeMs: data.AETHER__AETHER__NATS_STREAM_MAX_AGE_MS,
      },
    },
    recorded: config.aether.recorded ?? RECORDED,
    shutdownGraceMs: config.operations.shutdown_grace_ms,
    healthBind: config.operations.health_enabled ? config.operations.health_bind : undefined,
    logsJson: config.observability.log_json,
    follow,
    config: {
      rate: data.AETHER__SHOP__RATE,
      orders: data.AETHER__SHOP__ORDERS,
      bankMs: data.AETHER__SHOP__BANK_MS,
    },
  };
}
