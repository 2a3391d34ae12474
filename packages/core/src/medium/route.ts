/** A route: who hears one channel of the in-process medium, worked out once and kept until somebody comes or goes. */

import { BANDS } from "../physics/amplitude.ts";
import type { Wave } from "../wave/wave.ts";
import { Circle, type Rota } from "./circle.ts";
import type { Listener, Uptake } from "./medium.ts";
import { offer } from "./offer.ts";
import { isMeantFor } from "./target.ts";

/** How many groups took a wave, and whether one of them is short of room. */
export interface Reach {
  heard: number;
  crowded: boolean;
}

const NOBODY: readonly Listener[] = [];

/** Who hears one channel. It is worked out again when somebody has come or gone. */
export class Route {
  // What every wave touches stands first, and so close together.
  /** The spectrum's generation it was worked out from. */
  generation = -1;
  /** Band from which on every listener takes a plain wave without looking; 8: never. */
  openBand: number = BANDS;
  /** Waves of lower bands are wanted by none, or not by all. */
  lowestBand = 0;
  /** Most hops, waves and bytes that every listener takes in one run. */
  runHops = 0;
  runWaves = 0;
  runBytes = 0;
  /** The one listener that hears it, where it is only one and shares with nobody. */
  only: Listener | undefined;
  /** How many groups hear it. */
  heard = 0;
  /** Listeners that share with nobody. */
  alone: readonly Listener[] = NOBODY;
  #circles: readonly Circle[] = [];
  #observers: readonly Listener[] = NOBODY;

  /** Works it out anew. `rotaOf` knows whose turn it is in a group. */
  retune(listeners: readonly Listener[], generation: number, rotaOf: (identity: string) => Rota): void {
    const groups = new Map<string, Listener[]>();
    const alone: Listener[] = [];
    this.#observers = listeners.filter((listener) => listener.observes);
    for (const listener of listeners) {
      if (listener.observes) {
        continue;
      }
      const { group, name } = listener.presence;
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
    for (const [identity, members] of groups) {
      if (members.length === 1) {
        alone.push(...members);
      } else {
        circles.push(new Circle(members, rotaOf(identity)));
      }
    }
    this.generation = generation;
    this.alone = alone;
    this.only = alone.length === 1 ? alone[0] : undefined;
    this.heard = alone.length + circles.length;
    this.#circles = circles;
    this.openBand =
      circles.length > 0 || this.#observers.length > 0
        ? BANDS
        : alone.reduce((highest, listener) => Math.max(highest, listener.openBand), 0);
    this.lowestBand = listeners.reduce((highest, { lowestBand }) => Math.max(highest, lowestBand), 0);
    this.runHops = alone.reduce((least, { runHops }) => Math.min(least, runHops), Number.MAX_SAFE_INTEGER);
    this.runWaves = alone.reduce((least, { runWaves }) => Math.min(least, runWaves), Number.MAX_SAFE_INTEGER);
    this.runBytes = alone.reduce((least, { runBytes }) => Math.min(least, runBytes), Number.MAX_SAFE_INTEGER);
  }

  /** Hands `wave` to everybody it is for, one by one. */
  carry(wave: Wave): Reach {
    const reach: Reach = { heard: 0, crowded: false };
    const hand = this.lowestBand > 0 ? offer : receive;
    // A wave that its emitter sends again is for those alone that have not had it, and nobody looks on twice.
    const { around, to } = wave;
    const isAgain = around.length > 0;
    for (const listener of this.alone) {
      const { presence } = listener;
      if (!(isAgain && around.includes(presence.instance)) && (to === undefined || isMeantFor(to, presence))) {
        count(reach, hand(listener, wave));
      }
    }
    for (const circle of this.#circles) {
      const { members } = circle;
      const meant = to === undefined ? members : members.filter(({ presence }) => isMeantFor(to, presence));
      if (wave.kind === "broadcast") {
        const uptakes = meant.map((member) => hand(member, wave));
        count(reach, uptakes.find((uptake) => uptake === "crowded") ?? uptakes.find(taken) ?? "refused");
      } else {
        const [only] = meant;
        const uptake = meant.length === members.length ? circle.carry(wave) : only && hand(only, wave);
        count(reach, uptake ?? "refused");
      }
    }
    for (const observer of isAgain ? NOBODY : this.#observers) {
      observer.receive(wave.asCopy());
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

function receive(listener: Listener, wave: Wave): Uptake {
  return listener.receive(wave);
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
