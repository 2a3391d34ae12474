/** Media that hand over runs as they should not. */

import type { Listener, Wave } from "@aether/core";
import { altered, disguised } from "./altered.ts";
import type { BrokenMedium } from "./broken-medium.ts";

/** A medium that lets every listener take every wave in a run of one, by `hand`. */
function handing(hand: (listener: Listener, wave: Wave) => void): BrokenMedium["create"] {
  return () =>
    altered({
      resonate: (listener, next) =>
        next(
          disguised(listener, {
            receive(wave) {
              hand(listener, wave);
              return "admitted";
            },
          }),
        ),
    });
}

/** A medium that collects the waves of a tick for each listener, and hands them over in one run. */
function collecting(
  mayTake: (listener: Listener, wave: Wave, waiting: readonly Wave[]) => boolean,
): BrokenMedium["create"] {
  return () =>
    altered({
      resonate(listener, next) {
        let waiting: Wave[] = [];
        const flush = (): void => {
          const run = waiting;
          waiting = [];
          if (run.length > 0) {
            listener.receiveRun(run, 0, run.length, true);
          }
        };
        return next(
          disguised(listener, {
            receive(wave, take) {
              if (!mayTake(listener, wave, waiting)) {
                flush();
                return take(wave);
              }
              if (waiting.push(wave) === 1) {
                queueMicrotask(flush);
              }
              return "admitted";
            },
          }),
        );
      },
    });
}

const audible = (listener: Listener, wave: Wave): boolean => wave.plain && wave.band >= listener.openBand;
const fits = (listener: Listener, waiting: readonly Wave[]): boolean =>
  waiting.length < listener.runWaves && waiting.reduce((sum, { bytes }) => sum + bytes, 100) <= listener.runBytes;
const alike = (wave: Wave, waiting: readonly Wave[]): boolean => waiting.every(({ band }) => band === wave.band);

export const runs: readonly BrokenMedium[] = [
  {
    name: "lets handlers run inside propagate",
    create: handing((listener, wave) =>
      audible(listener, wave) ? listener.receiveRun([wave], 0, 1, true) : listener.receive(wave),
    ),
    breaks: ["no handler runs inside the call stack of propagate"],
  },
  {
    name: "puts waves into runs that nobody looked at",
    create: collecting((listener, wave, waiting) => fits(listener, waiting) && alike(wave, waiting)),
    breaks: ["a run holds only waves that its listener takes without a look"],
  },
  {
    name: "does not listen to pressure",
    create: () =>
      altered({
        async resonate(listener, next) {
          const { openBand } = listener;
          const tuning = await next(disguised(listener, { openBand }));
          return { pressure: () => undefined, close: () => tuning.close() };
        },
      }),
    breaks: ["a run holds only waves that its listener takes without a look"],
  },
  {
    name: "makes runs as long as it likes",
    create: collecting((listener, wave, waiting) => audible(listener, wave) && alike(wave, waiting)),
    breaks: ["a run is no longer than its listener takes at once"],
  },
  {
    name: "mixes bands in a run that is handled at once",
    create: collecting((listener, wave, waiting) => audible(listener, wave) && fits(listener, waiting)),
    breaks: ["waves that may be handled at once are of one band"],
  },
];
