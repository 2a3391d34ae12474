/** Wrappers medium → medium: the in-process medium with one thing changed. */

import {
  BANDS,
  inProcess,
  type Link,
  type Listener,
  type Medium,
  type MediumEvents,
  type Presence,
  type Traits,
  type Tuning,
  type Uptake,
  type Wave,
} from "@aether/core";

/** What `propagate` gives. */
export type Reach = number | undefined | Promise<number | undefined>;

/** What is changed; the rest is passed on. */
export interface Alterations {
  readonly traits?: Partial<Traits>;
  readonly events?: (events: MediumEvents) => MediumEvents;
  readonly propagate?: (wave: Wave, next: (wave: Wave) => Reach, link: Link) => Reach;
  readonly resonate?: (
    listener: Listener,
    next: (listener: Listener) => Promise<Tuning>,
    link: Link,
  ) => Promise<Tuning>;
  readonly link?: (link: Link) => Partial<Link>;
}

/** The presence that a listener had before it was disguised. */
const originals = new WeakMap<Presence, Presence>();

/** `medium` with the changes that `alter` makes. */
export function altered(alter: Alterations, medium: Medium = inProcess()): Medium {
  const open = async (events: MediumEvents): Promise<Link> => {
    const inner = await medium.open(alter.events?.(events) ?? events);
    const link: Link = {
      outlet(channel) {
        const outlet = inner.outlet(channel);
        const next = (wave: Wave): Reach => outlet.propagate(wave);
        return { propagate: (wave) => (alter.propagate ? alter.propagate(wave, next, inner) : next(wave)) };
      },
      reflect: (reflection) => inner.reflect(reflection),
      resonate(listener) {
        const next = (changed: Listener): Promise<Tuning> => inner.resonate(changed);
        return alter.resonate ? alter.resonate(listener, next, inner) : next(listener);
      },
      room: (channel) => inner.room(channel),
      *present() {
        for (const presence of inner.present()) {
          yield originals.get(presence) ?? presence;
        }
      },
      heard: (channel) => inner.heard(channel),
      close: () => inner.close(),
    };
    return { ...link, ...alter.link?.(link) };
  };
  return { name: "altered", traits: { ...medium.traits, ...alter.traits }, open };
}

/** What a {@link disguised} listener does in its own way. */
export interface Disguise {
  readonly presence?: Partial<Presence>;
  readonly observes?: boolean;
  readonly full?: boolean;
  readonly diffracts?: boolean;
  readonly opaqueTo?: (wave: Wave) => boolean;
  readonly receive?: (wave: Wave, next: (wave: Wave) => Uptake) => Uptake;
  readonly lowestBand?: number;
  readonly filtered?: (wave: Wave) => void;
  /** Default: where it receives in its own way, 8, so that each wave is offered. */
  readonly openBand?: number;
}

/** `listener` in a disguise. One that looks at each wave is handed each by itself. */
export function disguised(listener: Listener, disguise: Disguise): Listener {
  const presence = { ...listener.presence, ...disguise.presence };
  originals.set(presence, listener.presence);
  const next = (wave: Wave): Uptake => listener.receive(wave);
  const { receive } = disguise;
  return {
    presence,
    observes: disguise.observes ?? listener.observes,
    get full() {
      return disguise.full ?? listener.full;
    },
    receive: (wave) => (receive ? receive(wave, next) : next(wave)),
    malformed: (count) => listener.malformed(count),
    room: () => listener.room(),
    get openBand() {
      return disguise.openBand ?? (receive ? BANDS : listener.openBand);
    },
    hears: (wave) => listener.hears(wave),
    diffracts: disguise.diffracts ?? listener.diffracts,
    opaqueTo: disguise.opaqueTo ?? ((wave) => listener.opaqueTo(wave)),
    adapts: listener.adapts,
    get lowestBand() {
      return disguise.lowestBand ?? listener.lowestBand;
    },
    filtered: (wave) => (disguise.filtered ?? ((kept) => listener.filtered(kept)))(wave),
    get runHops() {
      return listener.runHops;
    },
    get runWaves() {
      return listener.runWaves;
    },
    get runBytes() {
      return listener.runBytes;
    },
    receiveRun: (waves, from, to, mayHandle) => listener.receiveRun(waves, from, to, mayHandle),
  };
}

/** `tuning` with another end. */
export function ending(tuning: Tuning, close: Tuning["close"]): Tuning {
  return { pressure: () => tuning.pressure(), close };
}
