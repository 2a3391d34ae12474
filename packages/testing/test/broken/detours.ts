/** Media that do not find their way around members in trouble. */

import { Wave } from "@aether/core";
import { altered, disguised } from "./altered.ts";
import type { BrokenMedium } from "./broken-medium.ts";

const passedOver = "a member in trouble is passed over while another is not";
const quieter = "a wave that goes around a member is quieter by half";

export const detours: readonly BrokenMedium[] = [
  {
    name: "does not ask who is in trouble",
    create: () => altered({ resonate: (listener, next) => next(disguised(listener, { opaqueTo: () => false })) }),
    breaks: [passedOver, quieter],
  },
  {
    name: "goes around at full strength",
    create: () =>
      altered({
        resonate: (listener, next) =>
          next(
            disguised(listener, {
              receive: (wave, take) =>
                take(Wave.of({ ...wave.toInit(), amplitude: wave.amplitude * 2 ** wave.around.length })),
            }),
          ),
      }),
    breaks: [quieter],
  },
  {
    name: "loses what only members in trouble could hear",
    create: () =>
      altered({
        resonate: (listener, next) =>
          next(disguised(listener, { receive: (wave, take) => (listener.opaqueTo(wave) ? "refused" : take(wave)) })),
      }),
    breaks: ["a group in which every member is in trouble hears every wave all the same"],
  },
  {
    name: "gives up when the first member refuses",
    create: () => altered({ resonate: (listener, next) => next(disguised(listener, { diffracts: false })) }),
    breaks: ["a command that a member refuses is offered to the next, and to none twice"],
  },
  {
    name: "forgets who had a query",
    create: () =>
      altered({
        propagate(wave, next) {
          const init = wave.toInit();
          return next(Wave.of({ ...init, extras: { ...init.extras, around: undefined } }));
        },
      }),
    breaks: ["a query that is sent again goes to nobody who had it"],
  },
];
