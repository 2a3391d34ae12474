import { randomBytes } from "node:crypto";
import { seededRandom } from "@aether/core";
import { describe, expect, test } from "vitest";
import { NumberMap } from "../../src/way-back/number-map.ts";
import { type Numbered, NumberTable } from "../../src/way-back/number-table.ts";

class Thing implements Numbered<Thing> {
  readonly correlation: number;
  next: Thing | undefined;

  constructor(correlation: number) {
    this.correlation = correlation;
  }
}

function under(table: NumberTable<Thing>, correlation: number): Thing[] {
  const found: Thing[] = [];
  for (let thing = table.get(correlation); thing !== undefined; thing = table.after(thing)) {
    found.push(thing);
  }
  return found;
}

describe("a number table", () => {
  test("has what was added and not taken out, as a list of things would", () => {
    const seed = Number(process.env["AETHER_SEED"] ?? randomBytes(4).readUInt32LE());
    const random = seededRandom(seed);
    const table = new NumberTable<Thing>();
    let model: Thing[] = [];
    const numbers = [0, 1, 63, 64, 65, 2 ** 31, 2 ** 32 - 1, 2 ** 32 - 64];
    for (let step = 0; step < 20_000; step++) {
      // Now it grows, now it shrinks.
      const grows = random() < (step % 8000 < 4000 ? 0.7 : 0.3);
      if (grows || model.length === 0) {
        const some = Math.floor(random() * 3000);
        const thing = new Thing(random() < 0.2 ? (numbers[some % numbers.length] ?? 0) : some);
        table.add(thing);
        model.push(thing);
      } else {
        const [thing] = model.splice(Math.floor(random() * model.length), 1);
        expect(thing !== undefined && table.delete(thing), `AETHER_SEED=${seed}`).toBe(true);
        expect(thing?.next).toBeUndefined();
        expect(thing !== undefined && table.delete(thing)).toBe(false);
      }
      expect(table.size).toBe(model.length);
      if (step % 500 === 0) {
        expect(new Set(table), `AETHER_SEED=${seed}`).toEqual(new Set(model));
        for (const { correlation } of model.slice(0, 50)) {
          const same = model.filter((thing) => thing.correlation === correlation);
          expect(under(table, correlation), `AETHER_SEED=${seed}`).toEqual(same.reverse());
        }
        expect(under(table, 5000)).toEqual([]);
      }
    }
    model = [];
    table.clear();
    expect([table.size, ...table]).toEqual([0]);
  });
});

describe("a number map", () => {
  test("keeps what a map keeps, and gives it in the order of the numbers", () => {
    const seed = Number(process.env["AETHER_SEED"] ?? randomBytes(4).readUInt32LE());
    const random = seededRandom(seed);
    const map = new NumberMap<string>();
    const model = new Map<number, string>();
    for (let step = 0; step < 5000; step++) {
      const number = Math.floor(random() * 300) + (random() < 0.1 ? 2 ** 33 : 0);
      if (random() < 0.5) {
        map.set(number, `${step}`);
        model.set(number, `${step}`);
      } else {
        expect(map.delete(number), `AETHER_SEED=${seed}`).toBe(model.delete(number));
      }
      expect([map.size, map.has(number), map.get(number)]).toEqual([model.size, model.has(number), model.get(number)]);
    }
    const inOrder = [...model].sort(([one], [other]) => one - other).map(([, value]) => value);
    expect(map.values(), `AETHER_SEED=${seed}`).toEqual(inOrder);
    map.clear();
    expect([map.size, map.values()]).toEqual([0, []]);
  });
});
