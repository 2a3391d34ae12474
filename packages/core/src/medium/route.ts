/** A route: who hears one channel of the in-process medium, worked out once and kept until somebody comes or goes. */

import type { Wave } from "../wave/wave.ts";
import { Circle } from "./circle.ts";
import type { Listener, Uptake } from "./medium.ts";

/** How many groups took a wave, and whether one of them is short of room. */
export interface Reach {
  heard: number;
  crowded: boolean;
}

/** Who hears one channel. */
export class Route {
  /** The spectrum's generation it was worked out from. */
  readonly generation: number;
  /** Listeners that share with nobody. */
  readonly alone: readonly Listener[];
  readonly #circles: readonly Circle[];
  readonly #observers: readonly Listener[];
  /** Amplitude from which on every listener takes a plain wave without looking; `Infinity`: never. */
  readonly threshold: number;

  constructor(listeners: readonly Listener[], generation: number) {
    this.generation = generation;
    const groups = new Map<string, Listener[]>();
    const alone: Listener[] = [];
    this.#observers = listeners.filter((listener) => listener.observes);
    for (const listener of listeners) {
      const { group, name } = listener.presence;
      if (listener.observes) {
        continue;
      }
      if (group === false) {
        alone.push(listener);
        continue;
      }
      // Neither a group nor a resonance has a line break in its name, so the identity is unambiguous.
      const identity = `${group}\n${name}`;
      const members = groups.get(identity);
      if (members === undefined) {
        groups.set(identity, [listener]);
      } else {
        members.push(listener);
      }
    }
    const circles: Circle[] = [];
    for (const members of groups.values()) {
      if (members.length === 1) {
        alone.push(...members);
      } else {
        circles.push(new Circle(members));
      }
    }
    this.alone = alone;
    this.#circles = circles;
    this.threshold =
      circles.length > 0 || this.#observers.length > 0
        ? Number.POSITIVE_INFINITY
        : alone.reduce((highest, listener) => Math.max(highest, listener.threshold), 0);
  }

  /** Whether anybody but observers hears the channel. */
  get heard(): boolean {
    return this.alone.length > 0 || this.#circles.length > 0;
  }

  /** Hands `wave` to everybody, one by one. */
  carry(wave: Wave): Reach {
    const reach: Reach = { heard: 0, crowded: false };
    for (const listener of this.alone) {
      count(reach, listener.receive(wave));
    }
    for (const circle of this.#circles) {
      if (wave.kind === "broadcast") {
        const uptakes = circle.members.map((member) => member.receive(wave));
        count(reach, uptakes.find((uptake) => uptake === "crowded") ?? uptakes.find(taken) ?? "refused");
      } else {
        count(reach, circle.pick()?.receive(wave) ?? "refused");
      }
    }
    for (const observer of this.#observers) {
      observer.receive(wave);
    }
    return reach;
  }

  /** Resolves when somebody has room again who has none now; `undefined`: every group has room. */
  room(): Promise<void> | undefined {
    const full = this.alone.find((listener) => listener.full);
    if (full !== undefined) {
      return full.room();
    }
    const circle = this.#circles.find((candidate) => candidate.full);
    return circle && Promise.race(circle.members.map((member) => member.room()));
  }
}

function taken(uptake: Uptake): boolean {
  return uptake !== "refused";
}

function count(reach: Reach, uptake: Uptake): void {
  if (uptake !== "refused") {
    reach.heard++;
    reach.crowded ||= uptake === "crowded";
  }
}
