/** Reflection at a boundary: how much of a wave comes back from a receiver, and with which phase. docs/physics.md §7. */

import { expected } from "../errors.ts";

/** Impedance of the medium itself: a receiver of this impedance gives no echo. */
export const MEDIUM_IMPEDANCE = 1;

const TURN = 2 * Math.PI;

/**
 * The impedance of a receiver that sheds the share `shed` (0..1) of what it hears: `1 / (1 − shed)`. 1 when it sheds
 * nothing, `Infinity` when it sheds everything. Throws `AETHER_BAD_OPTION`.
 */
export function impedanceOf(shed: number): number {
  if (!(typeof shed === "number" && shed >= 0 && shed <= 1)) {
    throw expected("shed", "a share from 0 to 1", shed);
  }
  return MEDIUM_IMPEDANCE / (1 - shed);
}

/**
 * The part of the amplitude that comes back at the boundary from impedance `z1` to `z2`: `(z1 − z2) / (z1 + z2)`, from
 * −1 (a rigid end: all of it, phase inverted) through 0 (no echo) to 1. Impedances are above 0, `Infinity` included;
 * two that are both infinite match. Throws `AETHER_BAD_OPTION`.
 */
export function reflectionCoefficient(z1: number, z2: number): number {
  assertImpedance("z1", z1);
  assertImpedance("z2", z2);
  if (z1 === z2) {
    return 0;
  }
  if (z1 === Number.POSITIVE_INFINITY || z2 === Number.POSITIVE_INFINITY) {
    return z1 > z2 ? 1 : -1;
  }
  // In parts of the larger one, so that no sum leaves the range of numbers.
  return z1 > z2 ? (1 - z2 / z1) / (1 + z2 / z1) : (z1 / z2 - 1) / (z1 / z2 + 1);
}

function assertImpedance(name: string, z: number): void {
  if (!(typeof z === "number" && z > 0)) {
    throw expected(name, "an impedance above 0", z);
  }
}

/** The share of the energy that comes back at a boundary with coefficient `r`: `r²`, 0..1. Throws `AETHER_BAD_OPTION`. */
export function reflectance(r: number): number {
  if (!(typeof r === "number" && r >= -1 && r <= 1)) {
    throw expected("r", "a coefficient from -1 to 1", r);
  }
  return r * r;
}

/** The share of the energy that goes on: `1 − r²`, so that none is lost. Throws `AETHER_BAD_OPTION`. */
export function transmittance(r: number): number {
  return 1 - reflectance(r);
}

/**
 * How hard a receiver that sheds the share `shed` (0..1) pushes back: `|r|` from the medium to it, 0 when idle, 1 when
 * it sheds everything. An emitter that heeds it sends at its rate times `1 − |r|`. Throws `AETHER_BAD_OPTION`.
 */
export function backpressure(shed: number): number {
  return Math.abs(reflectionCoefficient(MEDIUM_IMPEDANCE, impedanceOf(shed)));
}

/** The phase of a wave that came back from a rigid end: `phase + π`, as radians from 0 up to 2π. */
export function invertedPhase(phase: number): number {
  return (phase + Math.PI) % TURN;
}
