/** A subscriber in a process of its own: it hears waves under a floor, and tells what CPU time it took. */

import { Aether } from "@aether/core";
import { natsMedium } from "@aether/nats";

/** What the parent says. */
export interface SubscriberTask {
  readonly url: string;
  readonly namespace: string;
  readonly channel: string;
  readonly noiseFloor: number;
}

/** What the subscriber tells. */
export interface SubscriberUsage {
  /** Waves heard in all. */
  readonly heard: number;
  /** Microseconds of CPU time in all. */
  readonly cpu: number;
}

const { url, namespace, channel, noiseFloor } = JSON.parse(process.argv[2] ?? "") as SubscriberTask;
const aether = await Aether.connect({
  causality: "explicit",
  medium: natsMedium({ servers: url, namespace, stream: false }),
});
let heard = 0;
await aether.vibrator("receiver", { noiseFloor }).resonateOn(channel, () => {
  heard++;
});

function tell(): void {
  const { user, system } = process.cpuUsage();
  process.send?.({ heard, cpu: user + system } satisfies SubscriberUsage);
}

process.on("message", tell);
process.on("disconnect", () => process.exit());
tell();
