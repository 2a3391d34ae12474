import { describe, expect, test } from "vitest";
import { DAMAGE, damageOften, imageOf, judge, sealed } from "./damage.ts";
import { below, seedOf } from "./seed.ts";

const seed = seedOf("damage");
const IMAGES = 100_000;
const FLIPS = 5000;

describe("a damaged journal", () => {
  test(`that was closed is read up to a place or refused with file and offset, and invents nothing (${IMAGES} images)`, async () => {
    const { whole, prefix, refused, wrong } = await damageOften(await imageOf(12, 2, true), DAMAGE, IMAGES, seed);
    expect(wrong).toEqual([]);
    expect(whole + prefix + refused).toBe(IMAGES);
    expect(Math.min(whole, prefix, refused)).toBeGreaterThan(0);
  }, 300_000);

  test("would invent waves if it were not for the checksums", async () => {
    const image = await imageOf(12, 2, true);
    expect((await damageOften(image, { sealed }, 200, seed)).wrong.length).toBeGreaterThan(0);
  });

  test.each([
    ["many segments", 1024],
    ["one segment", 16_384],
  ])(
    "of %s is refused for any bit before its tail",
    async (_, segmentBytes) => {
      const image = await imageOf(24, 2, false, segmentBytes);
      const names = [...image.files.keys()];
      const n = below(seed);
      const spared = new Set<string>();
      for (let at = 0; at < FLIPS; at++) {
        const name = names[n(names.length)] ?? "";
        const bytes = Buffer.from(image.files.get(name) ?? Buffer.alloc(0));
        const isLast = name === names.at(-1);
        const place = n(isLast ? tailOf(bytes) : endOf(bytes));
        bytes[place] = (bytes[place] ?? 0) ^ (1 << n(8));
        const verdict = await judge(new Map([...image.files, [name, bytes]]), image, at % 8 !== 0);
        if (verdict !== "refused") {
          spared.add(`${name} at ${place}: ${JSON.stringify(verdict)}`);
        }
      }
      expect([...spared]).toEqual([]);
    },
    180_000,
  );
});

/** Where the records of a segment end. */
function endOf(bytes: Buffer): number {
  let at = 64;
  while (at + 32 <= bytes.length && bytes.readUInt32LE(at + 4) >= 32) {
    at += bytes.readUInt32LE(at + 4);
  }
  return at;
}

/** Where the last batch of a segment begins: a record that says of none before it that it is not on the disk. */
function tailOf(bytes: Buffer): number {
  let tail = 64;
  for (let at = 64; at < endOf(bytes); at += bytes.readUInt32LE(at + 4)) {
    tail = bytes.readUInt32LE(at + 12) === 0 ? at : tail;
  }
  return tail;
}
