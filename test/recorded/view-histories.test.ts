/** Recovery: whatever happens to processes and snapshots, a view is the fold of all that was recorded. */

import { describe, expect, test } from "vitest";
import { seeded } from "../../packages/core/test/aether/seed.ts";
import { type Alteration, historyOf, steps } from "./histories.ts";

const HISTORIES = 500;

/** What is wrong in `count` histories. */
async function wrongIn(count: number, what: string, alter?: Alteration): Promise<readonly string[]> {
  const random = seeded(what);
  const seeds = Array.from({ length: count }, () => Math.floor(random() * 2 ** 31));
  const found: (string | undefined)[] = [];
  for (const seed of seeds) {
    found.push(await historyOf(seed, alter));
  }
  return found.filter((wrong) => wrong !== undefined);
}

describe("a view after deaths, damage and restarts", () => {
  test(`is the fold of all waves in ${HISTORIES} random histories, the same in all instances`, async () => {
    expect(await wrongIn(HISTORIES, "views")).toEqual([]);
  });

  test("control: is found to be wrong where snapshots are saved under the position of the wave after", async () => {
    const wrong = steps(({ position, wave }) => [{ position: String(Number(position) + 1), wave }]);
    expect((await wrongIn(40, "views with wrong positions", wrong)).length).toBeGreaterThan(5);
  });

  test("control: is found to be wrong where waves come twice and nothing tells positions apart", async () => {
    const twice: Alteration = (recorder) => ({
      ...steps((step) => [step, step])(recorder),
      compare: (one, other) => recorder.compare(one, other) || 1,
    });
    expect((await wrongIn(40, "views of waves that come twice", twice)).length).toBeGreaterThan(5);
  });

  test("folds no wave twice where the recorder gives each step twice", async () => {
    expect(
      await wrongIn(
        60,
        "views of steps that come twice",
        steps((step) => [step, step]),
      ),
    ).toEqual([]);
  });
});
