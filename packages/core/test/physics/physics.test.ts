import { describe, expect, test } from "vitest";
import { AetherError } from "../../src/errors.ts";
import { DEFAULT_PHYSICS, halfLifeOf, type PhysicsOptions, physicsOf } from "../../src/physics/physics.ts";

describe("physicsOf", () => {
  test("physics §2: the defaults are those that are documented", () => {
    expect(physicsOf(undefined)).toEqual({
      perHop: 0.95,
      halfLifeMs: 60_000,
      minAmplitude: 0.01,
      maxHops: 16,
      maxLifetimeMs: 3_600_000,
      bands: true,
      fades: true,
      floors: true,
      reflects: true,
      diffracts: true,
    });
    expect(physicsOf({})).toEqual(DEFAULT_PHYSICS);
  });

  test("takes what it is given, and the limits of what is allowed", () => {
    expect(
      physicsOf({ attenuationFactor: 1, halfLifeMs: Number.POSITIVE_INFINITY, minAmplitude: 0, maxPropagation: 255 }),
    ).toMatchObject({ perHop: 1, halfLifeMs: Number.POSITIVE_INFINITY, minAmplitude: 0, maxHops: 255, fades: true });
    expect(physicsOf({ attenuationFactor: 1e-9, minAmplitude: 1, maxPropagation: 1 })).toMatchObject({
      perHop: 1e-9,
      minAmplitude: 1,
      maxHops: 1,
    });
  });

  test("an option that is undefined is one that was not given", () => {
    expect(physicsOf({ attenuationFactor: undefined, halfLifeMs: undefined })).toEqual(DEFAULT_PHYSICS);
  });

  test("false switches every law off but the hop limit, which is safety", () => {
    expect(physicsOf(false)).toEqual({
      perHop: 1,
      halfLifeMs: Number.POSITIVE_INFINITY,
      minAmplitude: 0,
      maxHops: 16,
      maxLifetimeMs: Number.POSITIVE_INFINITY,
      bands: false,
      fades: false,
      floors: false,
      reflects: true,
      diffracts: false,
    });
  });

  test("each law has a switch of its own", () => {
    expect(physicsOf({ bands: false })).toEqual({ ...DEFAULT_PHYSICS, bands: false });
    expect(physicsOf({ floor: false })).toEqual({ ...DEFAULT_PHYSICS, floors: false });
    expect(physicsOf({ reflection: false })).toEqual({ ...DEFAULT_PHYSICS, reflects: false });
    expect(physicsOf({ diffraction: false })).toEqual({ ...DEFAULT_PHYSICS, diffracts: false });
    expect(physicsOf({ attenuation: false, halfLifeMs: 5 })).toEqual({
      ...DEFAULT_PHYSICS,
      perHop: 1,
      halfLifeMs: Number.POSITIVE_INFINITY,
      minAmplitude: 0,
      maxLifetimeMs: Number.POSITIVE_INFINITY,
      fades: false,
    });
    expect(physicsOf({ bands: true, attenuation: true, floor: true, reflection: true, diffraction: true })).toEqual(
      DEFAULT_PHYSICS,
    );
  });

  const bad = [
    ...[0, -1, 1.1, Number.NaN, Number.POSITIVE_INFINITY, "0.5", null].map((value) => ["attenuationFactor", value]),
    ...[0, -1, Number.NaN, Number.NEGATIVE_INFINITY, "60s", "1000", null].map((value) => ["halfLifeMs", value]),
    ...[-0.1, 1.1, Number.NaN, Number.POSITIVE_INFINITY, "0.5", null].map((value) => ["minAmplitude", value]),
    ...[0, -1, 1.5, 256, Number.NaN, Number.POSITIVE_INFINITY, "3", null].map((value) => ["maxPropagation", value]),
  ] as const;

  test.each(["bands", "attenuation", "floor", "reflection", "diffraction"])("refuses %s: no", (option) => {
    const act = (): unknown => physicsOf({ [option]: "no" } as PhysicsOptions);
    expect(act).toThrow(`Expected \`physics.${option}\` to be true or false, got "no"`);
  });

  test.each(bad)("refuses %s: %o", (option, value) => {
    const act = (): unknown => physicsOf({ [option as string]: value } as PhysicsOptions);
    expect(act).toThrow(AetherError);
    expect(act).toThrow(new RegExp(`^Expected \`(physics\\.)?${option}\` to be a .*, got `));
    expect(act).toThrow(expect.objectContaining({ code: "AETHER_BAD_OPTION" }));
  });
});

describe("halfLifeOf", () => {
  test("takes any number of milliseconds above 0, Infinity included", () => {
    expect([halfLifeOf(1e-6), halfLifeOf(60_000), halfLifeOf(Number.POSITIVE_INFINITY)]).toEqual([
      1e-6,
      60_000,
      Number.POSITIVE_INFINITY,
    ]);
  });
});
