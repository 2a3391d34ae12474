/** A complete medium in one file: waves go by reference to listeners of the same process. */

import {
  AetherError,
  carryAround,
  isMeantFor,
  type Listener,
  type Medium,
  type MediumEvents,
  matches,
  type Wave,
} from "@aether/core";

const LOCAL = { crossProcess: false, durable: false, byReference: true, readyClusterWide: true };

export function minimal(): Medium {
  const links = new Set<MediumEvents>();
  /** Each listener and its link. Of a group's members, the one that stands first is the next in turn. */
  const listeners = new Map<Listener, MediumEvents>();

  const covering = (channel: string): Listener[] =>
    [...listeners.keys()].filter(({ presence }) => matches(presence.pattern, channel));

  /** Who hears `channel`, observers left out: the members of each group, and by itself who shares with nobody. */
  function groupsOn(channel: string): Listener[][] {
    const groups = new Map<unknown, Listener[]>();
    for (const listener of covering(channel).filter(({ observes }) => !observes)) {
      const { group, name } = listener.presence;
      const identity = group === false ? listener : `${group}\n${name}`;
      groups.set(identity, [...(groups.get(identity) ?? []), listener]);
    }
    return [...groups.values()];
  }

  function carry(wave: Wave): number | Promise<number> {
    const uptakes = groupsOn(wave.channel).flatMap((group) => {
      const members = group.filter(({ presence }) => isMeantFor(wave.to, presence));
      const [next] = members;
      const link = next && listeners.get(next);
      if (next !== undefined && link !== undefined && listeners.delete(next)) {
        listeners.set(next, link); // The others of its group come first now.
      }
      const isForAll = wave.kind === "broadcast";
      const told = isForAll ? members.map((member) => member.receive(wave)) : [carryAround(wave, members)];
      const taken = told.filter((uptake) => uptake !== "refused");
      return taken.find((uptake) => uptake === "crowded") ?? taken.slice(0, 1);
    });
    for (const observer of wave.around.length > 0 ? [] : covering(wave.channel).filter(({ observes }) => observes)) {
      observer.receive(wave.asCopy());
    }
    const heard = uptakes.length;
    return uptakes.includes("crowded") ? new Promise((resolve) => setImmediate(resolve, heard)) : heard;
  }

  function tellInterest(): void {
    for (const events of links) {
      events.interest();
    }
  }

  async function open(events: MediumEvents): ReturnType<Medium["open"]> {
    const assertOpen = (): void => {
      if (!links.has(events)) {
        throw new AetherError("AETHER_CLOSED", "Expected an open link, got a closed one");
      }
    };
    links.add(events);
    events.connected();
    return {
      outlet: () => ({
        propagate(wave) {
          assertOpen();
          return carry(wave);
        },
      }),
      reflect(reflection) {
        for (const link of links) {
          link.reflected(reflection);
        }
      },
      async resonate(listener) {
        assertOpen();
        listeners.set(listener, events);
        tellInterest();
        return { pressure: () => undefined, close: async () => void (listeners.delete(listener) && tellInterest()) };
      },
      room(channel) {
        const full = groupsOn(channel).find((members) => members.every((member) => member.full));
        return full && Promise.race(full.map((member) => member.room()));
      },
      present: () => [...listeners.keys()].filter(({ observes }) => !observes).map(({ presence }) => presence),
      heard: (channel) => groupsOn(channel).length > 0,
      async close() {
        links.delete(events);
        for (const [listener, link] of listeners) {
          if (link === events) {
            listeners.delete(listener);
          }
        }
        tellInterest();
      },
    };
  }

  return { name: "minimal", traits: { ...LOCAL, acknowledges: true, ordered: true, duplicates: false }, open };
}
