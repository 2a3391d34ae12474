/** Recorders that lose, double, reorder and forget. */

import { type Custody, Wave } from "@aether/core";
import { remembering } from "../lawful/remembering.ts";
import { alteredRecorder, disguisedFollower, type RecorderAlterations } from "./altered-recorder.ts";
import type { BrokenMedium } from "./broken-medium.ts";
import { letters } from "./letters.ts";
import { tails } from "./tails.ts";

/** A medium whose followers see what comes through `take`. */
function handing(
  take: (wave: Wave, custody: Custody, next: (wave: Wave, custody: Custody) => void) => void,
  also: RecorderAlterations = {},
) {
  return () =>
    alteredRecorder({ follow: (follower, from, next) => next(disguisedFollower(follower, { take }), from), ...also });
}

/** As `custody`, with something changed. */
function altered(custody: Custody, changes: Partial<Custody>): Custody {
  return { done: () => custody.done(), giveBack: (delayMs) => custody.giveBack(delayMs), ...changes };
}

function withPosition(wave: Wave, position: string): Wave {
  const init = wave.toInit();
  return Wave.of({ ...init, extras: { ...init.extras, position } });
}

const numbers = new Set("0123456789");

/** Whether a wave of the suite is one that is to get lost: every ninth or so. */
function isUnlucky({ id }: Wave): boolean {
  const last = [...id].filter((character) => numbers.has(character)).at(-1);
  return last === "7";
}

export const recorders: readonly BrokenMedium[] = [
  {
    name: "loses some waves on their way to a follower",
    create: handing((wave, custody, next) => (isUnlucky(wave) ? void custody.done() : next(wave, custody))),
    breaks: ["a wave that was recorded is handed to each group that follows its channel"],
  },
  {
    name: "lets two members have one wave",
    create() {
      const takers: ((wave: Wave, custody: Custody) => void)[] = [];
      return alteredRecorder({
        follow(follower, from, next) {
          takers.push((wave, custody) => follower.take(wave, custody));
          const take = (wave: Wave, custody: Custody): void => {
            for (const each of takers) {
              each(wave, custody);
            }
          };
          return next(disguisedFollower(follower, { take }), from);
        },
      });
    },
    breaks: ["a wave is in the hands of one member of a group at a time"],
  },
  {
    name: "makes a group begin again whenever it comes",
    create: () =>
      alteredRecorder({
        recorder: (recorder) => ({
          async follow(follower, from) {
            await recorder.drop(String(follower.presence.group), follower.presence.name);
            return await recorder.follow(follower, from === "new" ? "start" : from);
          },
        }),
      }),
    breaks: ["a group that comes back goes on where it was", "a wave that was done with does not come again"],
  },
  {
    name: "lets every group begin at the start",
    create: () => alteredRecorder({ follow: (follower, _, next) => next(follower, "start") }),
    breaks: ["a group begins where it was told to"],
  },
  {
    name: "takes what is given back for done",
    create: handing((wave, custody, next) => next(wave, altered(custody, { giveBack: () => void custody.done() }))),
    breaks: ["a wave that is given back comes again"],
  },
  {
    name: "hands what is given back over at once, whatever the delay",
    create: handing((wave, custody, next) => next(wave, altered(custody, { giveBack: () => custody.giveBack() }))),
    breaks: ["a wave that is given back comes again"],
  },
  {
    name: "takes the waves of those who die along",
    create: () =>
      alteredRecorder({
        link: (link) => ({
          // Nobody tells the memory.
          close: async () => void link,
        }),
      }),
    breaks: ["a wave whose holder dies comes again"],
  },
  {
    name: "gives back what was done with, one time",
    create() {
      const seen = new Set<string>();
      return handing((wave, custody, next) => {
        const done = async (): Promise<void> => {
          if (seen.has(wave.id)) {
            await custody.done();
          } else {
            seen.add(wave.id);
            custody.giveBack();
          }
        };
        next(wave, altered(custody, { done }));
      })();
    },
    breaks: ["a wave that was done with does not come again"],
  },
  {
    name: "keeps a wave each time it is recorded",
    create() {
      const kept = new Set<string>();
      return alteredRecorder({
        recorder: (recorder) => ({
          record(wave, deadline) {
            const again = kept.has(wave.id) ? "-again" : "";
            kept.add(wave.id);
            return recorder.record(
              Wave.of({ ...wave.toInit(), id: `${wave.id}${again}`, trace: wave.trace }),
              deadline,
            );
          },
        }),
      });
    },
    breaks: ["a wave recorded twice under one id is kept once"],
  },
  {
    name: "does not ask how many waves are wanted",
    create: () =>
      alteredRecorder({
        follow: (follower, from, next) => next(disguisedFollower(follower, { wanted: () => 50 }), from),
      }),
    breaks: ["a follower is handed no more than it wants"],
  },
  {
    name: "serves the quiet as often as the loud",
    create: () =>
      alteredRecorder({
        recorder: (recorder) => ({
          async record(wave, deadline) {
            return await recorder.record(Wave.of({ ...wave.toInit(), amplitude: 0.5 }), deadline);
          },
        }),
      }),
    breaks: ["louder waves come first, and none is left out"],
  },
  {
    name: "hands two waves over in the wrong order",
    create() {
      let held: (() => void) | undefined;
      return handing((wave, custody, next) => {
        if (isUnlucky(wave)) {
          held = () => next(wave, custody);
        } else {
          next(wave, custody);
          held?.();
          held = undefined;
        }
      })();
    },
    breaks: ["waves of one channel and band come in order"],
  },
  {
    name: "tells the position of the wave before",
    create() {
      let last = "0";
      return alteredRecorder({
        recorder: (recorder) => ({
          async record(wave, deadline) {
            const before = last;
            last = await recorder.record(wave, deadline);
            return before;
          },
        }),
      });
    },
    breaks: ["a position is that of its wave", "positions grow"],
  },
  {
    name: "hands waves over without their position",
    create: handing((wave, custody, next) => next(withPosition(wave, "1"), custody)),
    breaks: ["a position is that of its wave"],
  },
  {
    name: "reads without its bounds",
    create: () => alteredRecorder({ recorder: (recorder) => ({ read: ({ pattern }) => recorder.read({ pattern }) }) }),
    breaks: ["positions grow", "what was recorded can be read again, by pattern, position, time and amplitude"],
  },
  {
    name: "keeps a list of patterns for each link",
    create() {
      return alteredRecorder({
        recorder(recorder) {
          const own: string[] = [];
          return {
            async declare(patterns) {
              own.push(...patterns);
              await recorder.declare(patterns);
            },
            records: (pattern) =>
              // The stage's own pattern is known to all, or no test would begin.
              pattern.startsWith("s") && pattern.endsWith(".>") && !pattern.includes("one")
                ? recorder.records(pattern)
                : own.includes(pattern),
          };
        },
      });
    },
    breaks: ["what is declared by anybody is recorded for everybody"],
  },
  {
    name: "keeps only what somebody follows",
    create: () =>
      alteredRecorder({
        recorder: (recorder, link) => ({
          async record(wave, deadline) {
            const groups = await recorder.groups();
            if (groups.length > 0 && wave.channel.endsWith("lonely")) {
              await link.outlet(wave.channel).propagate(wave);
              return "1";
            }
            return await recorder.record(wave, deadline);
          },
        }),
      }),
    breaks: ["a wave on a channel that nobody follows is kept"],
  },
  {
    name: "tells nobody of a wave who only listens",
    create() {
      const medium = remembering();
      return {
        ...medium,
        async open(events) {
          const silent = await remembering().open(events);
          const link = await medium.open(events);
          return { ...link, outlet: (channel) => link.outlet(channel), resonate: (ear) => silent.resonate(ear) };
        },
      };
    },
    breaks: ["those who only listen hear a recorded wave live"],
  },
  {
    name: "never forgets a group",
    create: () => alteredRecorder({ recorder: () => ({ drop: async () => undefined }) }),
    breaks: ["groups can be listed and dropped"],
  },
  ...letters,
  ...tails,
];
