/** Everything that `@aether/nats` gives out. */

export type { StreamOptions } from "./jetstream/stream-options.ts";
export { natsMedium } from "./nats-medium.ts";
export type { NatsOptions } from "./options.ts";
export { type AllowList, type Identity, natsPermissions, type Permissions, permissionsOf } from "./permissions.ts";
export type { Secret, SecurityOptions, TlsFiles } from "./security.ts";
export type { PayloadCodec } from "./wire/payloads.ts";
