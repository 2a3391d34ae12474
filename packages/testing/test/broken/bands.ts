/** Media that keep the wrong waves away, or keep it to themselves. */

import { altered, disguised } from "./altered.ts";
import type { BrokenMedium } from "./broken-medium.ts";

const wanted = "a wave of a wanted band is never kept away";
const again = "a band that is wanted again is heard again";
const once = "a wave of an unwanted band comes to its listener once or is told to it once";
const notReached = "a wave of an unwanted band counts as not reached";
const refused = "a command of a band that nobody wants comes back refused";

export const bands: readonly BrokenMedium[] = [
  {
    name: "keeps a band too many away",
    create: () =>
      altered({
        resonate(listener, next) {
          const { lowestBand } = listener;
          return next(lowestBand === 0 ? listener : disguised(listener, { lowestBand: lowestBand + 1 }));
        },
      }),
    breaks: [wanted],
  },
  {
    name: "never lets a band in again",
    create: () =>
      altered({
        resonate(listener, next) {
          const { lowestBand } = listener;
          return next(disguised(listener, { lowestBand }));
        },
      }),
    breaks: [again],
  },
  {
    name: "tells nobody what it keeps away",
    create: () => altered({ resonate: (listener, next) => next(disguised(listener, { filtered: () => undefined })) }),
    breaks: [once, refused],
  },
  {
    name: "hands over what it keeps away",
    create: () =>
      altered({
        resonate: (listener, next) =>
          next(
            disguised(listener, {
              filtered(wave) {
                listener.filtered(wave);
                listener.receive(wave);
              },
            }),
          ),
      }),
    breaks: [once],
  },
  {
    name: "counts those it keeps a wave away from",
    create: () =>
      altered({
        resonate: (listener, next) =>
          next(
            disguised(listener, {
              lowestBand: 0,
              receive: (wave, take) => (take(wave) === "crowded" ? "crowded" : "admitted"),
            }),
          ),
      }),
    breaks: [notReached],
  },
];
