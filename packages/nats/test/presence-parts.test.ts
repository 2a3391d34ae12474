import { describe, expect, test } from "vitest";
import { BeatParts, inParts } from "../src/presence/beat-parts.ts";
import { type Beat, type BeatPart, beatOf, type Present } from "../src/presence/roll.ts";

const LIMIT = 4096;

function beat(count: number, revision = 1): Beat {
  const listeners = Array.from(
    { length: count },
    (_, at): Present => ({
      ...{ vibrator: "bäta", instance: "beta-1", pattern: `orders.a${at}`, group: "beta", name: `n${at}` },
      ...{ observes: false, band: 0 },
    }),
  );
  return { link: "l1", revision, here: true, listeners };
}

function partsOf(one: Beat): readonly BeatPart[] {
  return inParts(one, LIMIT).map((text) => {
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(LIMIT);
    const part = beatOf(JSON.parse(text));
    if (part === undefined) {
      throw new Error("Expected the part of a beat");
    }
    return part;
  });
}

describe("a beat", () => {
  test.each([0, 1, 20])("of %i listeners is one message, as it always was", (count) => {
    expect(JSON.parse(inParts(beat(count), LIMIT)[0] ?? "")).toEqual(beat(count));
  });

  test("that is larger goes in parts, and is whole again once all are there, in whatever order", () => {
    const parts = partsOf(beat(500));
    expect(parts.length).toBeGreaterThan(5);
    const heard = new BeatParts();
    const [last, ...others] = [...parts].reverse();
    expect(others.map((part) => heard.whole(part))).toEqual(others.map(() => undefined));
    expect(last && heard.whole(last)).toEqual(beat(500));
  });

  test("of which a part was lost is nothing, and the next one is", () => {
    const heard = new BeatParts();
    for (const part of partsOf(beat(500)).slice(1)) {
      expect(heard.whole(part)).toBeUndefined();
    }
    const whole = partsOf(beat(400, 2)).map((part) => heard.whole(part));
    expect(whole.at(-1)).toEqual(beat(400, 2));
    expect(heard.whole(partsOf(beat(500))[0] ?? { beat: beat(0), part: 0, parts: 2 })).toBeUndefined();
  });

  test.each([
    [{ part: 2, parts: 2 }],
    [{ part: -1, parts: 2 }],
    [{ part: 0.5, parts: 2 }],
    [{ part: 0, parts: 0 }],
    [{ part: 0, parts: 1e9 }],
    [{ part: "0", parts: 2 }],
  ])("with parts that cannot be is none: %j", (numbers) => {
    expect(beatOf({ ...beat(1), ...numbers })).toBeUndefined();
  });
});
