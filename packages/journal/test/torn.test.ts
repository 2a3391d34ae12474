import { expect, test } from "vitest";
import { DAMAGE, damageOften, imageOf } from "./damage.ts";
import { seedOf } from "./seed.ts";

const seed = seedOf("torn");
const IMAGES = 100_000;

test(`a damaged journal that was never closed invents nothing either (${IMAGES} images)`, async () => {
  const { whole, prefix, refused, wrong } = await damageOften(
    await imageOf(12, 3, false, 16_384),
    DAMAGE,
    IMAGES,
    seed,
  );
  expect(wrong).toEqual([]);
  expect(whole + prefix + refused).toBe(IMAGES);
  expect(Math.min(whole, prefix, refused)).toBeGreaterThan(0);
}, 300_000);
