/** Headers that came from the wire and are none: what somebody may send who means no good, or has a bug. */

import type { WaveHeader } from "../../src/wave/header.ts";

/** A header as an honest peer sends it. */
export const goodHeader: WaveHeader = {
  v: 1,
  id: "wave-1",
  ch: "orders.created",
  kind: "event",
  a0: 0.5,
  age: 0,
  hl: 60_000,
  hops: 1,
  src: "alpha",
  srcId: "alpha-1",
  tr: "wave-1",
};

const long = "x".repeat(10_000);

const bad: { readonly [field: string]: readonly unknown[] } = {
  v: [0, 2, "1", undefined],
  id: ["", long, 5, undefined, "a b", "a\nb", "ключ"],
  ch: ["", "a..b", "orders.*", ">", long, 7, undefined, "a b"],
  kind: ["evil", "", undefined, 1, "__proto__"],
  a0: [7, -0.1, 1.000_001, Number.NaN, Number.POSITIVE_INFINITY, "1", 1n, null, undefined],
  age: [-1, -1e-9, 200 * 365.25 * 86_400_000, Number.NaN, Number.POSITIVE_INFINITY, "0", null, undefined],
  hl: [-1, Number.NaN, Number.NEGATIVE_INFINITY, "60000", null, undefined],
  hops: [-1, 300, 256, 1.5, Number.NaN, Number.POSITIVE_INFINITY, "1", undefined],
  src: ["", long, undefined, 3, "a b"],
  srcId: ["", long, undefined, "a\u0000"],
  tr: ["", long, undefined, 3],
  cause: ["", long, 3],
  ph: [Number.NaN, Number.POSITIVE_INFINITY, "0"],
  w: [0, -1, 1e7, Number.NaN, Number.POSITIVE_INFINITY, "1"],
  gain: [0, -1, 11, Number.NaN, Number.POSITIVE_INFINITY],
  key: ["", long, 3],
  ver: [1.5, "1", Number.NaN],
  headers: [
    5,
    [],
    { a: 1 },
    { "a b": "x" },
    { a: "line\nbreak" },
    { a: long },
    Object.fromEntries(Array.from({ length: 65 }, (_, n) => [`h${n}`, "x"])),
  ],
  pol: [5, { a: 1 }],
  left: [-1, Number.NaN, "5"],
  to: ["", long, "a b", 4],
  for: [
    null,
    "workers",
    {},
    { group: "workers" },
    { group: "", name: "a" },
    { group: false, name: "a" },
    { group: true, name: "a", instance: "b-1" },
    { group: "workers", name: 5 },
    { group: "workers", name: long },
    { group: "workers", name: "a", instance: "b\n1" },
  ],
  refl: [5, {}, { of: "a", n: -1 }, { of: "", n: 1 }],
  dif: [5, {}, { from: "a", n: 1.5 }],
  named: ["yes", 1],
  reflects: ["yes", 1],
  reflectsBody: ["yes", 1],
};

/** One forgery, by what is wrong with it. */
export interface Forgery {
  readonly name: string;
  readonly header: unknown;
}

function described(value: unknown): string {
  const text = typeof value === "bigint" ? `${value}n` : (JSON.stringify(value) ?? "missing");
  return `${typeof value === "number" ? String(value) : text}`.slice(0, 40);
}

export const forgeries: readonly Forgery[] = [
  ...Object.entries(bad).flatMap(([field, values]) =>
    values.map((value) => ({ name: `${field}: ${described(value)}`, header: { ...goodHeader, [field]: value } })),
  ),
  ...[undefined, null, 5, "header", [], {}].map((header) => ({ name: `the header ${described(header)}`, header })),
  {
    name: "a header that throws at every touch",
    header: new Proxy(
      {},
      {
        get(): never {
          throw new Error("not to be read");
        },
      },
    ),
  },
];
