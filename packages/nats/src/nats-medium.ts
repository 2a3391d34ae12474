/** The NATS medium: the same waves across processes and machines. */

import type { Medium, Traits } from "@aether/core";
import { NatsLink } from "./link/nats-link.ts";
import { checkedOptions, type NatsOptions } from "./options.ts";

const TRAITS: Traits = {
  crossProcess: true,
  durable: false,
  acknowledges: false,
  ordered: true,
  duplicates: false,
  byReference: false,
  readyClusterWide: false,
};

/**
 * A medium on NATS servers. Aethers with the same namespace hear each other, wherever they run. Throws
 * `AETHER_BAD_OPTION`; opening rejects with `AETHER_DISCONNECTED` where no server is, or `AETHER_UNAUTHORISED`.
 */
export function natsMedium(options?: NatsOptions): Medium {
  const checked = checkedOptions(options);
  return {
    name: "nats",
    traits: { ...TRAITS, durable: checked.stream !== undefined },
    open: (events) => NatsLink.open(checked, events),
  };
}
