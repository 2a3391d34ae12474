/** Media that tell their callers what is not so: counts, room, ways back. */

import { type Exchange, Wave } from "@aether/core";
import { altered, disguised } from "./altered.ts";
import type { BrokenMedium } from "./broken-medium.ts";

const counts = "propagate tells how many groups were reached";
const wayBack = "a command's way back reaches its emitter";
const answers = "a query's answers reach its emitter";
const tells = "whatever a hearer tells of a command reaches its emitter";

/** A medium that hands out `exchange` changed. */
function returning(change: (exchange: Exchange) => Exchange | undefined): BrokenMedium["create"] {
  return () =>
    altered({
      propagate(wave, next) {
        const { exchange } = wave;
        if (exchange === undefined) {
          return next(wave);
        }
        const init = wave.toInit();
        return next(Wave.of({ ...init, extras: { ...init.extras, exchange: change(exchange) } }));
      },
    });
}

function wrapped(exchange: Exchange, own: Partial<Exchange>): Exchange {
  return {
    deadline: exchange.deadline,
    over: exchange.over,
    reached: (groups) => exchange.reached(groups),
    refused: (why) => exchange.refused(why),
    admitted: (by) => exchange.admitted(by),
    answered: (answer) => exchange.answered(answer),
    silent: (by) => exchange.silent(by),
    returned: (why) => exchange.returned(why),
    reflected: (cause) => exchange.reflected(cause),
    onOver: (listener) => exchange.onOver(listener),
    ...own,
  };
}

export const telling: readonly BrokenMedium[] = [
  {
    name: "counts one group too many",
    create: () =>
      altered({
        async propagate(wave, next) {
          return ((await next(wave)) ?? 0) + 1;
        },
      }),
    breaks: [counts, "a wave that nobody hears is no error"],
  },
  {
    name: "counts observers",
    create: () =>
      altered({
        async propagate(wave, next, link) {
          const heard = await next(wave);
          return heard === 0 && !link.heard(wave.channel) ? 1 : heard;
        },
      }),
    breaks: ["an observer counts as nobody", "a wave that nobody hears is no error"],
  },
  {
    name: "counts nothing although it acknowledges",
    create: () =>
      altered({
        propagate(wave, next) {
          void next(wave);
          return undefined;
        },
      }),
    breaks: [counts, "a crowded listener slows its emitter"],
  },
  {
    name: "takes a refusal for a reception",
    create: () =>
      altered({
        resonate: (listener, next) =>
          next(
            disguised(listener, {
              openBand: listener.openBand,
              receive: (wave, take) => (take(wave) === "crowded" ? "crowded" : "admitted"),
            }),
          ),
      }),
    breaks: ["a refused wave counts as not reached"],
  },
  {
    name: "throws when nobody hears",
    create: () =>
      altered({
        propagate(wave, next, link) {
          if (!link.heard(wave.channel)) {
            throw new Error("nobody hears");
          }
          return next(wave);
        },
      }),
    breaks: ["a wave that nobody hears is no error", counts],
  },
  {
    name: "never slows anybody",
    create: () =>
      altered({
        resonate: (listener, next) =>
          next(
            disguised(listener, {
              openBand: listener.openBand,
              receive: (wave, take) => (take(wave) === "refused" ? "refused" : "admitted"),
            }),
          ),
      }),
    breaks: ["a crowded listener slows its emitter"],
  },
  {
    name: "always has room",
    create: () => altered({ link: () => ({ room: () => undefined }) }),
    breaks: ["room is told once every group has it"],
  },
  {
    name: "never has room",
    create: () => altered({ link: () => ({ room: () => new Promise<void>(() => {}) }) }),
    breaks: ["room is told once every group has it", "an observer counts as nobody"],
  },
  {
    name: "loses the way back",
    create: returning(() => undefined),
    breaks: [
      wayBack,
      answers,
      tells,
      "a hearer knows how long the emitter waits",
      "a wave arrives unchanged, unless it goes around a member",
    ],
  },
  {
    name: "loses what is answered later",
    create: returning((exchange) => wrapped(exchange, { answered: () => undefined })),
    breaks: [answers],
  },
  {
    name: "carries the first answer only",
    create: returning((exchange) => {
      let answered = false;
      return wrapped(exchange, {
        answered(answer) {
          if (!answered) {
            answered = true;
            exchange.answered(answer);
          }
        },
      });
    }),
    breaks: [answers],
  },
  {
    name: "tells the emitter no refusals",
    create: returning((exchange) => wrapped(exchange, { refused: () => undefined })),
    breaks: [tells],
  },
  {
    name: "forgets who told",
    create: returning((exchange) => wrapped(exchange, { admitted: () => exchange.admitted({ by: "", byId: "" }) })),
    breaks: [wayBack, answers, tells],
  },
  {
    name: "lets a hearer wait for ever",
    create: returning((exchange) => wrapped(exchange, { deadline: Number.POSITIVE_INFINITY })),
    breaks: ["a hearer knows how long the emitter waits"],
  },
  {
    name: "loses reflections",
    create: () => altered({ link: () => ({ reflect: () => undefined }) }),
    breaks: ["a reflection reaches the link of its emitter"],
  },
];
