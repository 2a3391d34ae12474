import { expect, test } from "vitest";
import { hash01, hash32, mix32 } from "../../src/physics/hash.ts";
import { fc } from "../seeded.ts";

test("the same text gives the same number, from 0 up to 1", () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      expect(hash01(text)).toBe(hash01(text));
      expect(hash01(text)).toBe(hash32(text) / 2 ** 32);
      expect(hash01(text)).toBeGreaterThanOrEqual(0);
      expect(hash01(text)).toBeLessThan(1);
    }),
  );
});

test("ids that count on are spread evenly", () => {
  const bins = new Array<number>(16).fill(0);
  for (let i = 0; i < 16_000; i++) {
    const bin = Math.floor(hash01(`0123456789abcdefghij-${i.toString(36)}`) * 16);
    bins[bin] = (bins[bin] ?? 0) + 1;
  }
  expect(Math.min(...bins)).toBeGreaterThan(850);
  expect(Math.max(...bins)).toBeLessThan(1150);
});

test("one bit of what is mixed changes about half of what comes out", () => {
  let flips = 0;
  for (let i = 0; i < 1000; i++) {
    for (let bit = 0; bit < 32; bit++) {
      flips += (mix32(i) ^ mix32(i ^ (1 << bit))).toString(2).replaceAll(/[^1]/g, "").length;
    }
  }
  expect(mix32(0)).toBe(0);
  expect(flips / 32_000).toBeGreaterThan(14);
});
