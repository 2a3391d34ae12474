/** A member that stands aside: others of its group have its part, as long as there are any. */

import { Aether, inProcess } from "@aether/core";
import { expect, test } from "vitest";
import { turns } from "./manual-clock.ts";

async function group() {
  const medium = inProcess();
  const one = await Aether.connect({ medium });
  const two = await Aether.connect({ medium });
  const heard = { one: 0, two: 0 };
  const first = await one.vibrator("beta").resonateOn("a", () => void heard.one++);
  const second = await two.vibrator("beta").resonateOn("a", () => void heard.two++);
  const alpha = one.vibrator("alpha");
  const emit = async (waves: number): Promise<void> => {
    for (let i = 0; i < waves; i++) {
      await alpha.emit("a", {}, { amplitude: (i % 10) / 10 + 0.05 });
    }
    await turns();
  };
  return { one, two, first, second, heard, emit };
}

test("others of the group have its part, loud waves and quiet ones, and it has it again after that", async () => {
  const { one, two, first, heard, emit } = await group();
  first.standAside(true);
  expect([...two.present()].map(({ aside }) => aside)).toEqual([true, undefined]);
  await emit(20);
  expect(heard).toEqual({ one: 0, two: 20 });
  first.standAside(false);
  expect([...two.present()].map(({ aside }) => aside)).toEqual([undefined, undefined]);
  await emit(20);
  expect(heard).toEqual({ one: 10, two: 30 });
  await Promise.all([one.close(), two.close()]);
});

test("what reaches it all the same it takes: when it is alone, or all do the same", async () => {
  const { one, two, first, second, heard, emit } = await group();
  first.standAside(true);
  second.standAside(true);
  await emit(20);
  expect(heard.one + heard.two).toBe(20);
  await second.close();
  await emit(20);
  expect(heard.one + heard.two).toBe(40);
  expect(first.stats().absorbed.floor).toBe(0);
  await Promise.all([one.close(), two.close()]);
});

test("without a group it does nothing", async () => {
  await using aether = await Aether.connect();
  let heard = 0;
  const resonance = await aether.vibrator("beta").resonateOn("a", () => void heard++, { group: false });
  resonance.standAside(true);
  expect([...aether.present()].map(({ aside }) => aside)).toEqual([undefined]);
  await aether.vibrator("alpha").emit("a");
  await turns();
  expect(heard).toBe(1);
});
