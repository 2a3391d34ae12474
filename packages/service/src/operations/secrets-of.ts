/** The texts of a configuration that must appear nowhere. */

import type { Config } from "../config/config.ts";
import { valuesOf } from "../config/config-of.ts";
import { Secret } from "../config/secret.ts";

export function secretsOf(config: Config): readonly string[] {
  return [...valuesOf(config).values()].flatMap((value) => (value instanceof Secret ? [value.reveal()] : []));
}
