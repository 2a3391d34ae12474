/** The in-process medium: waves go by reference from link to link, with no server, no copy and no delay. */

import { turn } from "../clock.ts";
import { AetherError } from "../errors.ts";
import { Recent } from "../wave/recent.ts";
import type { Reflection } from "../wave/reflection.ts";
import { Spectrum } from "../wave/spectrum.ts";
import type { Wave } from "../wave/wave.ts";
import { Rota } from "./circle.ts";
import { Current } from "./current.ts";
import type { Link, Listener, Medium, MediumEvents, Outlet, Presence, Traits, Tuning } from "./medium.ts";
import { Route } from "./route.ts";

const TRAITS: Traits = {
  crossProcess: false,
  durable: false,
  acknowledges: true,
  ordered: true,
  duplicates: false,
  byReference: true,
  readyClusterWide: true,
};

const MOST_ROTAS = 10_000;

/** One space in which links hear each other. */
class Space {
  readonly current = new Current();
  readonly links = new Set<InProcessLink>();
  readonly #spectrum = new Spectrum<Listener>();
  /** Whose turn it is in groups of several members. One that was forgotten begins anew. */
  readonly #rotas = new Recent<string, Rota>(MOST_ROTAS);

  get generation(): number {
    return this.#spectrum.generation;
  }

  /** Brings `route`, the one of `channel`, up to date. */
  tune(route: Route, channel: string): Route {
    route.retune(this.#spectrum.match(channel), this.#spectrum.generation, (identity) => this.#rotaOf(identity));
    return route;
  }

  add(listener: Listener): void {
    // What is on its way was emitted before: it is not for those who come now.
    this.current.settle();
    this.#spectrum.add(listener.presence.pattern, listener);
    this.#interestChanged();
  }

  #rotaOf(identity: string): Rota {
    const rota = this.#rotas.get(identity) ?? new Rota();
    this.#rotas.set(identity, rota);
    return rota;
  }

  remove(listeners: Iterable<Listener>): void {
    this.current.settle();
    for (const listener of listeners) {
      this.#spectrum.remove(listener.presence.pattern, listener);
    }
    this.#interestChanged();
  }

  /** Some listener takes waves in another way than before: routes are to be worked out again. */
  pressure(): void {
    this.#spectrum.touch();
  }

  #interestChanged(): void {
    for (const link of this.links) {
      link.events.interest();
    }
  }
}

/** The way out of one channel: its route, kept up to date. */
class InProcessOutlet extends Route implements Outlet {
  readonly #link: InProcessLink;
  readonly #channel: string;

  constructor(link: InProcessLink, channel: string) {
    super();
    this.#link = link;
    this.#channel = channel;
  }

  propagate(wave: Wave): number | Promise<number> {
    const { space } = this.#link;
    this.#link.assertOpen();
    if (this.generation !== space.generation) {
      space.tune(this, this.#channel);
    }
    if (space.current.take(wave, this)) {
      return this.heard;
    }
    space.current.settle();
    const { heard, crowded } = this.carry(wave);
    return crowded ? turn().then(() => heard) : heard;
  }
}

class InProcessLink implements Link {
  readonly events: MediumEvents;
  readonly space: Space;
  readonly #listeners = new Set<Listener>();
  #closed = false;

  constructor(space: Space, events: MediumEvents) {
    this.space = space;
    this.events = events;
  }

  outlet(channel: string): InProcessOutlet {
    return new InProcessOutlet(this, channel);
  }

  reflect(reflection: Reflection): void {
    for (const link of this.space.links) {
      link.events.reflected(reflection);
    }
  }

  async resonate(listener: Listener): Promise<Tuning> {
    this.assertOpen();
    this.#listeners.add(listener);
    this.space.add(listener);
    return new InProcessTuning(this, listener);
  }

  /** Some listener takes waves in another way than before. */
  pressure(): void {
    this.space.pressure();
  }

  silence(listener: Listener): void {
    if (this.#listeners.delete(listener)) {
      this.space.remove([listener]);
    }
  }

  room(channel: string): Promise<void> | undefined {
    this.space.current.settle();
    return this.space.tune(new Route(), channel).room();
  }

  *present(): Iterable<Presence> {
    for (const link of this.space.links) {
      for (const listener of link.#listeners) {
        if (!listener.observes) {
          yield listener.aside === true ? { ...listener.presence, aside: true } : listener.presence;
        }
      }
    }
  }

  heard(channel: string): boolean {
    return this.space.tune(new Route(), channel).heard > 0;
  }

  async close(): Promise<void> {
    if (!this.#closed) {
      this.#closed = true;
      this.space.links.delete(this);
      this.space.remove(this.#listeners);
      this.#listeners.clear();
    }
  }

  assertOpen(): void {
    if (this.#closed) {
      throw new AetherError("AETHER_CLOSED", "Expected an open link to the in-process medium, got a closed one");
    }
  }
}

/** A listener's place in one link. */
class InProcessTuning implements Tuning {
  readonly #link: InProcessLink;
  readonly #listener: Listener;

  constructor(link: InProcessLink, listener: Listener) {
    this.#link = link;
    this.#listener = listener;
  }

  pressure(): void {
    this.#link.pressure();
  }

  async close(): Promise<void> {
    this.#link.silence(this.#listener);
  }
}

/**
 * A medium inside this process: the default. Aethers that are given the same medium hear each other; each call
 * makes a separate one.
 */
export function inProcess(): Medium {
  const space = new Space();
  return {
    name: "in-process",
    traits: TRAITS,
    open: async (events) => {
      const link = new InProcessLink(space, events);
      space.links.add(link);
      events.connected();
      return link;
    },
  };
}
