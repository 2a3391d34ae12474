/** Channel labels: the pattern that stands for a channel in a metric, so that devices by the thousand are one series. */

import { type Aether, matches } from "@aether/core";

const MOST_CHANNELS = 4096;

/** The label of each channel: the pattern of this aether's own resonances that fits it best, or its first token. */
export class ChannelLabels {
  readonly #aether: Aether;
  readonly #labels = new Map<string, string>();

  constructor(aether: Aether) {
    this.#aether = aether;
  }

  of(channel: string): string {
    const known = this.#labels.get(channel);
    if (known !== undefined) {
      return known;
    }
    if (this.#labels.size >= MOST_CHANNELS) {
      this.#labels.clear();
    }
    const label = this.#find(channel);
    this.#labels.set(channel, label);
    return label;
  }

  #find(channel: string): string {
    let best = "";
    for (const { resonance } of this.#aether.resonances()) {
      const { pattern } = resonance;
      if (matches(pattern, channel) && precisionOf(pattern) > precisionOf(best)) {
        best = pattern;
      }
    }
    const [first = ""] = channel.split(".", 1);
    return best === "" ? (first === channel ? channel : `${first}.>`) : best;
  }
}

/** How much a pattern says: plain tokens count most, then `*`. */
function precisionOf(pattern: string): number {
  return pattern === ""
    ? -1
    : pattern.split(".").reduce((sum, token) => sum + (token === ">" ? 0 : token === "*" ? 1 : 1000), 0);
}
