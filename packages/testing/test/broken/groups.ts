/** Media that share work, and look on, in their own way. */

import { type Listener, matches, Wave } from "@aether/core";
import { type Alterations, altered, disguised } from "./altered.ts";
import type { BrokenMedium } from "./broken-medium.ts";

const oneMember = "a wave reaches one member of each group";
const sees = "an observer sees every wave and takes it from nobody";
const nobody = "an observer counts as nobody";

export const groups: readonly BrokenMedium[] = [
  {
    name: "delivers to every member of a group",
    create: () => altered({ resonate: (listener, next) => next(disguised(listener, { presence: { group: false } })) }),
    breaks: [oneMember, "propagate tells how many groups were reached"],
  },
  {
    name: "gives all the work to the first member",
    create: () => altered({ resonate: firstOfGroup() }),
    breaks: ["a group's members share the work"],
  },
  {
    name: "takes listeners without a group for one group",
    create: () =>
      altered({
        resonate: (listener, next) =>
          next(disguised(listener, { presence: { group: listener.presence.group || listener.presence.vibrator } })),
      }),
    breaks: ["a listener without a group hears every wave"],
  },
  {
    name: "forgets the name inside a group",
    create: () => altered({ resonate: (listener, next) => next(disguised(listener, { presence: { name: "any" } })) }),
    breaks: ["listeners of one group under different names share nothing"],
  },
  {
    name: "takes members of different patterns for different groups",
    create: () =>
      altered({
        resonate: (listener, next) => {
          const { name, pattern } = listener.presence;
          return next(disguised(listener, { presence: { name: `${name} ${pattern}` } }));
        },
      }),
    breaks: [oneMember],
  },
  {
    name: "broadcasts to one member of a group only",
    create() {
      const last = new Map<string, string>();
      return altered({
        resonate(listener, next) {
          const { group, name } = listener.presence;
          return next(
            disguised(listener, {
              receive(wave, take) {
                const key = `${group} ${name}`;
                const repeated = wave.kind === "broadcast" && group !== false && last.get(key) === wave.id;
                last.set(key, wave.id);
                return repeated ? "refused" : take(wave);
              },
            }),
          );
        },
      });
    },
    breaks: ["a broadcast reaches every member of every group"],
  },
  {
    name: "does not ask whether a member is full",
    create: () => altered({ resonate: (listener, next) => next(disguised(listener, { full: false })) }),
    breaks: ["a member that has room is preferred to one that is full", "room is told once every group has it"],
  },
  {
    name: "observers steal from groups",
    create() {
      const observers: Listener[] = [];
      let turn = 0;
      return altered({
        propagate(wave, next) {
          const thief = observers.find(({ presence }) => matches(presence.pattern, wave.channel));
          if (thief !== undefined && ++turn % 2 === 0) {
            thief.receive(wave);
            return 0;
          }
          return next(wave);
        },
        resonate(listener, next) {
          if (listener.observes) {
            observers.push(listener);
          }
          return next(listener);
        },
      });
    },
    breaks: [sees],
  },
  {
    name: "observers join groups",
    create: () => altered({ resonate: (listener, next) => next(disguised(listener, { observes: false })) }),
    breaks: [sees, nobody],
  },
  {
    name: "does not ask who hears",
    create: () =>
      altered({
        resonate: (listener, next) =>
          next({ ...disguised(listener, { openBand: listener.openBand }), hears: () => true }),
      }),
    breaks: [
      "a member that hears a wave is preferred to one that does not",
      "a member that wants a wave's band is preferred to one that does not",
    ],
  },
  {
    name: "does not ask whom a wave is for",
    create: () =>
      altered({
        propagate(wave, next) {
          const init = wave.toInit();
          return next(wave.to === undefined ? wave : Wave.of({ ...init, extras: { ...init.extras, to: undefined } }));
        },
      }),
    breaks: ["a wave that names its receiver reaches nobody else"],
  },
  {
    name: "shows observers no commands",
    create: () =>
      altered({
        resonate: (listener, next) =>
          next(
            disguised(listener, {
              receive: (wave, take) => (listener.observes && wave.kind === "command" ? "refused" : take(wave)),
            }),
          ),
      }),
    breaks: [sees],
  },
];

/** Only the first member of each group and name takes anything; the others wait for it to go, in vain. */
function firstOfGroup(): NonNullable<Alterations["resonate"]> {
  const heads = new Map<string, Listener>();
  return (listener, next) => {
    const { group, name } = listener.presence;
    const key = `${group} ${name}`;
    const head = group === false || listener.observes ? listener : (heads.get(key) ?? listener);
    heads.set(key, head);
    return next(head === listener ? listener : disguised(listener, { receive: (wave) => head.receive(wave) }));
  };
}
