/** Media that do not know who listens. */

import type { Presence } from "@aether/core";
import { altered } from "./altered.ts";
import type { BrokenMedium } from "./broken-medium.ts";

const presence = "listeners are known by their presence";
const heard = "heard tells whether somebody resonates on a channel";
const interest = "interest tells of listeners that come and go";
const connected = "opening a link tells that it is connected";

export const knowledge: readonly BrokenMedium[] = [
  { name: "knows nobody", create: () => altered({ link: () => ({ present: () => [] }) }), breaks: [presence] },
  {
    name: "remembers who has gone",
    create() {
      const all = new Map<string, Presence>();
      return altered({
        resonate(listener, next) {
          if (!listener.observes) {
            all.set(listener.presence.instance, listener.presence);
          }
          return next(listener);
        },
        link: () => ({ present: () => all.values() }),
      });
    },
    breaks: [presence, "closing a link silences its listeners"],
  },
  {
    name: "mixes up vibrator and group",
    create: () =>
      altered({
        link: (link) => ({
          present: () => [...link.present()].map((one) => ({ ...one, vibrator: one.group || one.vibrator })),
        }),
      }),
    breaks: [presence],
  },
  {
    name: "believes that nobody hears",
    create: () => altered({ link: () => ({ heard: () => false }) }),
    breaks: [heard],
  },
  {
    name: "believes that somebody hears",
    create: () => altered({ link: () => ({ heard: () => true }) }),
    breaks: [heard, "an observer counts as nobody"],
  },
  {
    name: "tells nobody of interest",
    create: () => altered({ events: (events) => ({ ...events, interest: () => undefined }) }),
    breaks: [interest],
  },
  {
    name: "never says that it is connected",
    create: () => altered({ events: (events) => ({ ...events, connected: () => undefined }) }),
    breaks: [connected],
  },
  {
    name: "says twice that it is connected",
    create: () =>
      altered({
        events: (events) => ({
          ...events,
          connected() {
            events.connected();
            events.connected();
          },
        }),
      }),
    breaks: [connected],
  },
];
