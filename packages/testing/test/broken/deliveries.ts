/** Media that lose, double, shuffle or change what they carry. */

import { Wave } from "@aether/core";
import { altered, disguised, type Reach } from "./altered.ts";
import type { BrokenMedium } from "./broken-medium.ts";

export const deliveries: readonly BrokenMedium[] = [
  {
    name: "drops one wave in a hundred",
    create() {
      let count = 0;
      return altered({ propagate: (wave, next) => (++count % 100 === 0 ? 1 : next(wave)) });
    },
    breaks: [
      "a listener hears every wave that is propagated after it is ready",
      "a wave arrives once",
      "waves of one source, channel and band arrive in order",
    ],
  },
  {
    name: "delivers one wave in nine twice",
    create() {
      let count = 0;
      return altered({
        propagate(wave, next) {
          if (++count % 9 === 0) {
            void next(wave);
          }
          return next(wave);
        },
      });
    },
    breaks: ["a wave arrives once", "a wave reaches one member of each group"],
  },
  {
    name: "doubles a wave a little later",
    create() {
      return altered({
        propagate(wave, next) {
          later(() => next(wave));
          return next(wave);
        },
      });
    },
    breaks: ["a wave arrives once", "links of one medium hear each other"],
  },
  {
    name: "swaps neighbours now and then",
    create() {
      let held: (() => Reach) | undefined;
      let count = 0;
      return altered({
        propagate(wave, next) {
          if (held === undefined && ++count % 5 === 0) {
            held = () => next(wave);
            later(() => {
              const late = held;
              held = undefined;
              return late?.();
            });
            return 1;
          }
          return next(wave);
        },
      });
    },
    breaks: ["waves of one source, channel and band arrive in order"],
  },
  {
    name: "carries waves that need a look after those that do not",
    create() {
      return altered({
        propagate: (wave, next) => (wave.plain ? next(wave) : Promise.resolve().then(() => next(wave))),
      });
    },
    breaks: ["waves of one source, channel and band arrive in order"],
  },
  {
    name: "changes the payload",
    create() {
      return altered({
        propagate(wave, next) {
          const { payload } = wave;
          return next(typeof payload === "object" && payload !== null ? wave.withPayload({ ...payload }) : wave);
        },
      });
    },
    breaks: ["a wave arrives unchanged, unless it goes around a member"],
  },
  {
    name: "loses headers, key and version",
    create() {
      return altered({
        propagate(wave, next) {
          const { exchange, named } = wave;
          return next(Wave.of({ ...wave.toInit(), extras: { exchange, named } }));
        },
      });
    },
    breaks: ["a wave arrives unchanged, unless it goes around a member"],
  },
  {
    name: "rounds the amplitude",
    create() {
      return altered({
        propagate: (wave, next) => next(Wave.of({ ...wave.toInit(), amplitude: Math.fround(wave.amplitude) })),
      });
    },
    breaks: ["a wave arrives unchanged, unless it goes around a member"],
  },
  {
    name: "loses what a link has carried when it closes",
    create() {
      return altered({
        propagate(wave, next) {
          later(() => next(wave));
          return 1;
        },
      });
    },
    breaks: ["a wave that was carried arrives although its link closes"],
  },
  {
    name: "hands a listener's own link nothing",
    create() {
      let speaking: unknown;
      return altered({
        propagate(wave, next, link) {
          speaking = link;
          try {
            return next(wave);
          } finally {
            speaking = undefined;
          }
        },
        resonate: (listener, next, link) =>
          next(disguised(listener, { receive: (wave, take) => (speaking === link ? "refused" : take(wave)) })),
      });
    },
    breaks: ["links of one medium hear each other"],
  },
];

/** Calls `carry` after the event loop has turned. By then the link may be closed, which is nobody's error here. */
function later(carry: () => Reach): void {
  setImmediate(
    () =>
      void Promise.resolve()
        .then(carry)
        .catch(() => undefined),
  );
}
