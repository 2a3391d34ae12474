/** Media that understand patterns in their own way. */

import { matches } from "@aether/core";
import { altered, disguised } from "./altered.ts";
import type { BrokenMedium } from "./broken-medium.ts";

const covers = "a wave reaches a listener whose pattern covers its channel";
const covered = "a wave does not reach a listener whose pattern does not cover its channel";
const same = "a pattern means the same as in `matches`";

/** A medium in which a listener hears what `hears` says, whatever its pattern means. */
function understanding(hears: (pattern: string, channel: string) => boolean): BrokenMedium["create"] {
  return () =>
    altered({
      resonate: (listener, next) =>
        next(
          disguised(listener, {
            presence: { pattern: ">" },
            receive: (wave, take) => (hears(listener.presence.pattern, wave.channel) ? take(wave) : "refused"),
          }),
        ),
    });
}

export const patterns: readonly BrokenMedium[] = [
  {
    name: "ignores wildcards",
    create: understanding((pattern, channel) => pattern === channel),
    breaks: [covers, same],
  },
  {
    name: "takes * for any number of tokens",
    create: understanding((pattern, channel) => matches(pattern, channel) || glob(pattern, channel)),
    breaks: [same],
  },
  {
    name: "takes > for nothing, too",
    create: understanding((pattern, channel) => matches(pattern, channel) || pattern === `${channel}.>`),
    breaks: [same],
  },
  {
    name: "compares beginnings only",
    create: understanding((pattern, channel) => matches(pattern, channel) || channel.startsWith(pattern)),
    breaks: [covered, same],
  },
  {
    name: "knows no upper case",
    create: understanding((pattern, channel) => matches(pattern.toLowerCase(), channel.toLowerCase())),
    breaks: [same],
  },
  { name: "hears everything everywhere", create: understanding(() => true), breaks: [covered, same] },
];

function glob(pattern: string, channel: string): boolean {
  return new RegExp(`^${pattern.replaceAll(".", "\\.").replaceAll("*", ".+").replace(">", ".+")}$`).test(channel);
}
