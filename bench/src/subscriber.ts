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

/** What the parent says later: how many waves are to be heard before the subscriber tells its usage. */
export interface SubscriberCall {
  readonly once: number;
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
/** Asking it again and again would cost it more than the waves do: it tells by itself. */
let tellsAt = 0;
await aether.vibrator("receiver", { noiseFloor }).resonateOn(channel, () => {
  if (++heard === tellsAt) tell();
});

function tell(): void {
  const { user, system } = process.cpuUsage();
  process.send?.({ heard, cpu: user + system } satisfies SubscriberUsage);
}

process.on("message", ({ once }: SubscriberCall) => {
  tellsAt = once;
  if (heard >= once) tell();
});
process.on("disconnect", () => process.exit());
tell();
