/** Everything that `@aether/nats` gives out. */

export { natsMedium } from "./nats-medium.ts";
export type { NatsOptions } from "./options.ts";
export type { PayloadCodec } from "./wire/payloads.ts";
