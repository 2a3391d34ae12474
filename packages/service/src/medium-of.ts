/** Which medium a service runs on: in this process, or on NATS. The one place that knows every driver. */

import { inProcess, type Medium } from "@aether/core";
import { type NatsOptions, natsMedium } from "@aether/nats";

/** What decides the medium. */
export interface MediumChoice {
  /** False: waves stay in this process. */
  readonly useNats: boolean;
  /** Options of the NATS medium. */
  readonly nats?: NatsOptions | undefined;
}

/** The medium that `choice` asks for. Throws `AETHER_BAD_OPTION`. */
export function mediumOf({ useNats, nats }: MediumChoice): Medium {
  return useNats ? natsMedium(nats) : inProcess();
}
