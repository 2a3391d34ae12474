/** Everything that `@aether/service` gives out. */

export type { Log, LogFields } from "./log.ts";
export { type MediumChoice, mediumOf } from "./medium-of.ts";
export { type RunningServices, type RunOptions, runService } from "./run-service.ts";
export {
  defineService,
  type Service,
  type ServiceConfig,
  type ServiceContext,
  type ServiceOptions,
  type Setup,
  type Stop,
} from "./service.ts";
