/** Media whose listeners and links begin and end when they should not. */

import { AetherError, type Tuning } from "@aether/core";
import { altered, type Disguise, disguised, ending } from "./altered.ts";
import type { BrokenMedium } from "./broken-medium.ts";

const ready = "a listener hears every wave that is propagated after it is ready";
const refuses = "a closed link refuses with AETHER_CLOSED";
const refusing = "a link that is closing refuses as a closed one does";

export const closings: readonly BrokenMedium[] = [
  {
    name: "says that it is ready before it hears, on wildcards",
    create: () =>
      altered({
        async resonate(listener, next) {
          if (!listener.presence.pattern.includes("*")) {
            return await next(listener);
          }
          const tuning = new Promise<Tuning>((resolve, reject) => {
            setImmediate(() => next(listener).then(resolve, reject));
          });
          tuning.catch(() => undefined);
          return { pressure: () => undefined, close: async () => (await tuning).close() };
        },
      }),
    breaks: [ready],
  },
  {
    name: "keeps delivering after a listener is closed",
    create: () =>
      altered({
        async resonate(listener, next) {
          return ending(await next(listener), async () => undefined);
        },
      }),
    breaks: [
      "a listener hears nothing after it is closed",
      "what a member that left would have heard goes to the rest of its group",
    ],
  },
  {
    name: "closes a listener a little later than it says",
    create: () =>
      altered({
        async resonate(listener, next) {
          const tuning = await next(listener);
          return ending(tuning, async () => void setTimeout(() => void tuning.close(), 5));
        },
      }),
    breaks: ["a listener hears nothing after it is closed"],
  },
  {
    name: "keeps a member that left in its group",
    create() {
      return altered({
        async resonate(listener, next) {
          if (listener.presence.group === false) {
            return await next(listener);
          }
          let gone = false;
          const receive: Disguise["receive"] = (wave, take) => (gone ? "admitted" : take(wave));
          return ending(await next(disguised(listener, { full: false, receive })), async () => {
            gone = true;
          });
        },
      });
    },
    breaks: ["what a member that left would have heard goes to the rest of its group"],
  },
  {
    name: "leaves the listeners of a closed link where they are",
    create: () =>
      altered({
        link(link) {
          let closed = false;
          const assertOpen = (): void => {
            if (closed) {
              throw new AetherError("AETHER_CLOSED", "closed");
            }
          };
          return {
            outlet(channel) {
              const outlet = link.outlet(channel);
              return {
                propagate(wave) {
                  assertOpen();
                  return outlet.propagate(wave);
                },
              };
            },
            async resonate(listener) {
              assertOpen();
              return await link.resonate(listener);
            },
            async close() {
              closed = true;
            },
          };
        },
      }),
    breaks: ["closing a link silences its listeners", "interest tells of listeners that come and go"],
  },
  {
    name: "closes all links with one",
    create() {
      const closers: (() => Promise<void>)[] = [];
      return altered({
        link(link) {
          closers.push(() => link.close());
          return { close: async () => void (await Promise.all(closers.map((close) => close()))) };
        },
      });
    },
    breaks: ["closing a link leaves the others open"],
  },
  {
    name: "swallows what is propagated on a closed link",
    create: () =>
      altered({
        propagate(wave, next) {
          try {
            return next(wave);
          } catch {
            return 0;
          }
        },
      }),
    breaks: [refuses, refusing],
  },
  {
    name: "refuses with an error of its own",
    create: () =>
      altered({
        propagate(wave, next) {
          try {
            return next(wave);
          } catch (cause) {
            throw new Error("connection lost", { cause });
          }
        },
      }),
    breaks: [refuses, refusing],
  },
  {
    name: "takes its time to begin closing",
    create: () =>
      altered({ link: (link) => ({ close: () => new Promise((done) => setTimeout(() => done(link.close()), 5)) }) }),
    breaks: [refusing],
  },
  {
    name: "cannot close twice",
    create: () =>
      altered({
        link(link) {
          let closed = false;
          return {
            async close() {
              if (closed) {
                throw new Error("closed already");
              }
              closed = true;
              await link.close();
            },
          };
        },
      }),
    breaks: ["closing twice is closing once"],
  },
];
