import { BANDS } from "@aether/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Claimant, deal } from "../../src/jetstream/credits.ts";
import { describe as describePlace, durableOf, placeNameOf } from "../../src/jetstream/names.ts";
import { positionOf, sequenceAt } from "../../src/jetstream/position.ts";
import { pubAckOf } from "../../src/jetstream/pub-ack.ts";
import { recordBand } from "../../src/jetstream/record-band.ts";
import { checkedStream } from "../../src/jetstream/stream-options.ts";
import { Waiting } from "../../src/jetstream/waiting.ts";
import { checkedOptions } from "../../src/options.ts";

const WEIGHTS = [1, 2, 4, 8];

function claimants(busy: readonly boolean[]): Claimant[] {
  return WEIGHTS.map((weight, at) => ({ weight, busy: busy[at] === true, fresh: true, claim: 0, pass: 0 }));
}

describe("credits", () => {
  const busy = fc.tuple(fc.boolean(), fc.boolean(), fc.boolean(), fc.boolean());

  test("are dealt to those where waves wait, all of them, and to nobody else", () => {
    fc.assert(
      fc.property(busy, fc.nat(500), (who, free) => {
        const all = claimants(who);
        deal(all, free);
        const dealt = all.reduce((sum, { claim }) => sum + claim, 0);
        expect(dealt).toBe(who.includes(true) ? free : 0);
        expect(all.filter((one) => !one.busy).every(({ claim }) => claim === 0)).toBe(true);
      }),
    );
  });

  test("are dealt by weight over time, however few there are at once", () => {
    fc.assert(
      fc.property(busy, fc.array(fc.integer({ min: 0, max: 7 }), { minLength: 50, maxLength: 200 }), (who, frees) => {
        const all = claimants(who);
        for (const free of frees) {
          deal(all, free);
        }
        const total = frees.reduce((sum, free) => sum + free, 0);
        const weights = all.reduce((sum, one) => sum + (one.busy ? one.weight : 0), 0);
        for (const { busy: isBusy, claim, weight } of all) {
          expect(Math.abs(claim - (isBusy ? (total * weight) / weights : 0))).toBeLessThanOrEqual(weight + 1);
        }
      }),
    );
  });

  test("do not make up for a time in which nothing waited", () => {
    const all = claimants([true, false, false, false]);
    deal(all, 1000);
    const [quiet, , , loud] = all;
    if (quiet === undefined || loud === undefined) {
      throw new Error("Expected four");
    }
    all[3] = { ...loud, busy: true, fresh: true };
    deal(all, 90);
    expect([quiet.claim - 1000, all[3].claim]).toEqual([10, 80]);
  });
});

describe("positions", () => {
  const epochs = fc.integer({ min: 1, max: 4e12 });
  const sequences = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });

  test("grow as texts do, and say which wave they are of", () => {
    fc.assert(
      fc.property(epochs, sequences, sequences, (epoch, one, other) => {
        expect(positionOf(epoch, one) < positionOf(epoch, other)).toBe(one < other);
        expect(sequenceAt(positionOf(epoch, one), epoch, { first_seq: one, last_seq: one }, true)).toBe(one);
      }),
    );
  });

  test("of another record, or ahead of it, are refused, and so is what is none", () => {
    fc.assert(
      fc.property(epochs, epochs, sequences, (one, other, sequence) => {
        fc.pre(one !== other);
        const at = (epoch: number, first: number, last: number, on: boolean): (() => number) => {
          return () => sequenceAt(positionOf(one, sequence), epoch, { first_seq: first, last_seq: last }, on);
        };
        expect(at(other, 1, sequence, true)).toThrow("made anew");
        expect(at(one, 1, sequence - 1, false)).toThrow("where the record ends");
        expect(at(one, sequence + 1, sequence + 1, true)).toThrow("were forgotten");
        expect(at(one, sequence + 1, sequence + 1, false)()).toBe(sequence);
      }),
    );
    expect(() => sequenceAt("", 1, { first_seq: 1, last_seq: 1 }, true)).toThrow("a position of this record");
  });
});

describe("names", () => {
  const text = fc.string({ unit: "binary", maxLength: 80 });
  const place = fc.record({ group: text, name: text, pattern: text });

  test("of places are taken by servers, and differ where places do", () => {
    fc.assert(
      fc.property(place, place, (one, other) => {
        expect(durableOf(one, 3)).toMatch(/^[A-Za-z0-9_-]{1,64}$/);
        expect(durableOf(one, 3) === durableOf(other, 3)).toBe(JSON.stringify(one) === JSON.stringify(other));
        expect(durableOf(one, "all")).not.toBe(durableOf(one, 0));
        expect(placeNameOf(describePlace(one))).toEqual(one);
      }),
    );
    expect([undefined, "", "{}", "null", "something else"].map(placeNameOf)).toEqual(Array(5).fill(undefined));
  });
});

describe("what a stream answers", () => {
  test.each([
    ['{"stream":"s","seq":12}', { sequence: 12, duplicate: false }],
    ['{"stream":"s", "seq":9007199254740,"duplicate": true}', { sequence: 9007199254740, duplicate: true }],
    ['{"stream":"seq","domain":"d","seq": 7}', { sequence: 7, duplicate: false }],
    [
      '{"error":{"code":503,"err_code":10077,"description":"full"},"stream":"s","seq":0}',
      { sequence: 0, code: 10077, error: "full" },
    ],
    ['{"error":{}}', { sequence: 0, code: 0 }],
  ])("%s", (text, expected) => {
    expect(pubAckOf(Buffer.from(text))).toMatchObject(expected);
  });

  test.each(["", "{}", "+OK", '{"seq":', '{"stream":"s","seq":0}'])("%s is no answer", (text) => {
    expect(pubAckOf(Buffer.from(text))).toBeUndefined();
  });
});

describe("waves that wait", () => {
  test("go louder ones first, within a band by arrival; over the bounds the oldest of the quietest give way", () => {
    const wave = fc.record({ band: fc.integer({ min: 0, max: BANDS - 1 }), bytes: fc.integer({ min: 1, max: 50 }) });
    fc.assert(
      fc.property(fc.array(wave, { maxLength: 60 }), fc.integer({ min: 1, max: 20 }), (waves, most) => {
        const waiting = new Waiting<{ readonly band: number; readonly bytes: number }>({ waves: most, bytes: 300 });
        let kept: (typeof waves)[number][] = [];
        for (const one of waves) {
          const given = waiting.push(one);
          kept = [...kept, one].filter((other) => !given.includes(other));
          for (const { band } of given) {
            expect(kept.every((other) => other.band >= band)).toBe(true);
          }
          expect(waiting.size).toBe(kept.length);
          expect(kept.length).toBeLessThanOrEqual(most);
        }
        const order = kept.map((one, at) => ({ one, at })).sort((a, b) => b.one.band - a.one.band || a.at - b.at);
        expect(kept.map(() => waiting.shift())).toEqual(order.map(({ one }) => one));
        expect(waiting.shift()).toBeUndefined();
      }),
    );
  });
});

describe("options of the stream", () => {
  test("have defaults, and false switches recording off", () => {
    expect(checkedStream(undefined)).toMatchObject({
      bands: 4,
      replicas: 1,
      storage: "file",
      duplicateWindowMs: 120_000,
    });
    expect(checkedStream(false)).toBeUndefined();
    expect(checkedOptions({ stream: { bands: 1 } }).stream?.bands).toBe(1);
  });

  test.each([
    [{ bands: 2 }, "stream.bands"],
    [{ storage: "tape" }, "stream.storage"],
    [{ replicas: 0 }, "stream.replicas"],
    [{ replicas: 6 }, "stream.replicas"],
    [{ duplicateWindowMs: 1.5 }, "stream.duplicateWindowMs"],
    [{ maxAgeMs: 1000 }, "stream.maxAgeMs"],
    [{ maxBytes: -1 }, "stream.maxBytes"],
    [{ ackWaitMs: "30s" }, "stream.ackWaitMs"],
    [{ colour: "red" }, "stream"],
    [true, "stream"],
  ])("%j is refused by name", (stream, name) => {
    const options: object = { stream };
    expect(() => checkedOptions(options)).toThrow(`Expected \`${name}\` to be`);
  });

  test("four bands share the amplitudes between them", () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1, noNaN: true }), (amplitude) => {
        expect(recordBand(amplitude)).toBe(Math.min(3, Math.floor(amplitude * 4)));
      }),
    );
  });
});
