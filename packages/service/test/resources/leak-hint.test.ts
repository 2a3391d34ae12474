/** Leak hints: steady growth is told, and nothing else is. */

import fc from "fast-check";
import { expect, test } from "vitest";
import { LeakHint } from "../../src/resources/leak-hint.ts";

const MB = 1024 * 1024;

function hintOf(bytesAt: (sample: number) => number, samples = 60): LeakHint {
  const hint = new LeakHint();
  for (let i = 0; i < samples; i++) {
    hint.add(i * 2000, bytesAt(i));
  }
  return hint;
}

test("steady growth is told in bytes a minute", () => {
  const hint = hintOf((i) => 100 * MB + i * MB);
  expect(hint.growthPerMin).toBeCloseTo(30 * MB, -3);
  expect(hint.grows(10 * MB)).toBe(true);
  expect(hint.grows(31 * MB)).toBe(false);
});

test("what goes up and down again is no leak, nor is one step, nor what shrinks", () => {
  expect(hintOf((i) => 100 * MB + (i % 5) * 20 * MB).grows(10 * MB)).toBe(false);
  expect(hintOf((i) => 100 * MB + (i % 2) * 20 * MB).growthPerMin).toBe(0);
  expect(hintOf((i) => (i < 30 ? 100 : 400) * MB).growthPerMin).toBe(0);
  expect(hintOf((i) => 400 * MB - i * MB).growthPerMin).toBe(0);
});

test("too little says nothing", () => {
  expect(hintOf((i) => i * MB, 5).growthPerMin).toBe(0);
  const hint = new LeakHint();
  for (let i = 0; i < 20; i++) {
    hint.add(i * 100, i * MB);
  }
  expect(hint.growthPerMin).toBe(0);
});

test("noise around a level is no growth of 10 MB a minute", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 4 * MB }), { minLength: 60, maxLength: 60 }), (noise) => {
      expect(hintOf((i) => 100 * MB + (noise[i] ?? 0)).grows(10 * MB)).toBe(false);
    }),
  );
});
