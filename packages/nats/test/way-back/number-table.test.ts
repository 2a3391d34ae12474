import { randomBytes } from "node:crypto";
import { seededRandom } from "@aether/core";
import { describe, expect, test } from "vitest";
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
