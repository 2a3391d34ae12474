import { expect, test } from "vitest";
import { rendezvous } from "../../src/physics/rendezvous.ts";
import { fc } from "../seeded.ts";

const key = fc.string({ minLength: 1, maxLength: 40 });
const ids = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 20 }), { minLength: 1, maxLength: 12 });
const NODES = Array.from({ length: 8 }, (_, i) => `beta-${i.toString(36)}kq3x`);
const KEYS = Array.from({ length: 20_000 }, (_, i) => `order-${i}`);

test("physics §9: the order for a key is the same for everybody, however the candidates are listed", () => {
  fc.assert(
    fc.property(key, ids, fc.integer(), (k, nodes, seed) => {
      const shuffled = nodes.toSorted((a, b) => ((a.length * seed) % 7) - ((b.length * seed) % 7)).reverse();
      expect(rendezvous(k, shuffled)).toEqual(rendezvous(k, nodes));
      expect(rendezvous(k, nodes).toSorted()).toEqual(nodes.toSorted());
    }),
  );
});

test("physics §9: a candidate that leaves or comes moves no other one's keys", () => {
  fc.assert(
    fc.property(key, ids, fc.nat(), (k, nodes, pick) => {
      const leaving = nodes[pick % nodes.length];
      const rest = nodes.filter((id) => id !== leaving);
      expect(rendezvous(k, rest)).toEqual(rendezvous(k, nodes).filter((id) => id !== leaving));
    }),
  );
});

test("physics §9: of 20,000 keys each of 8 nodes has its share, and one that leaves moves none of the others", () => {
  const first = KEYS.map((k) => rendezvous(k, NODES)[0]);
  const counts = NODES.map((node) => first.filter((owner) => owner === node).length);
  // 2500 each; the standard deviation of a fair draw is 47.
  expect(Math.min(...counts)).toBeGreaterThan(2300);
  expect(Math.max(...counts)).toBeLessThan(2700);
  const [, ...rest] = NODES;
  const moved = KEYS.filter((k, i) => first[i] !== NODES[0] && rendezvous(k, rest)[0] !== first[i]);
  expect(moved).toEqual([]);
});

test("physics §9: what a node leaves behind is shared by all others", () => {
  const [gone, ...rest] = NODES;
  const orphans = KEYS.filter((k) => rendezvous(k, NODES)[0] === gone);
  const heirs = orphans.map((k) => rendezvous(k, rest)[0]);
  const counts = rest.map((node) => heirs.filter((heir) => heir === node).length);
  expect(Math.min(...counts)).toBeGreaterThan(orphans.length / 7 / 1.4);
});
