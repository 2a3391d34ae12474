/** What an interceptor stands around: emits of the kinds it names, and what it is told of the receiver. */

import { expect, test } from "vitest";
import { Aether, type Interceptor } from "../../src/index.ts";

async function turn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

test("an interceptor of some kinds stands around those only; one that names none around all", async () => {
  await using aether = await Aether.connect();
  const seen: string[] = [];
  const noting = (name: string, kinds?: Interceptor["kinds"]): Interceptor => ({
    ...(kinds && { kinds }),
    emit: (draft, next) => {
      seen.push(`${name} ${draft.kind}`);
      return next(draft);
    },
  });
  aether.use(noting("asking", ["query", "command"]));
  const undo = aether.use(noting("all"));
  await aether.vibrator("beta").resonateOn("a.b", () => 1);
  const alpha = aether.vibrator("alpha");
  const each = async (): Promise<void> => {
    await alpha.emit("a.b", {});
    await alpha.emit("a.b", {}, { kind: "command" });
    await alpha.query("a.b", {});
  };
  await each();
  expect(seen).toEqual(["all event", "asking command", "all command", "asking query", "all query"]);
  undo();
  seen.length = 0;
  await each();
  expect(seen).toEqual(["asking command", "asking query"]);
});

test("a kind that is none is refused", async () => {
  await using aether = await Aether.connect();
  const wrong: object = { kinds: ["response"], emit: () => undefined };
  expect(() => aether.use(wrong)).toThrow(/interceptor\.kinds/);
});

test("an interceptor is told which resonance handles the wave", async () => {
  await using aether = await Aether.connect();
  const seen: unknown[] = [];
  aether.use({
    handle: (wave, _ctx, next, { vibrator, pattern }) => {
      seen.push([vibrator, pattern]);
      return next(wave);
    },
  });
  await aether.vibrator("beta").resonateOn("a.*", () => undefined);
  await aether.vibrator("alpha").emit("a.b", {});
  await turn();
  expect(seen).toEqual([["beta", "a.*"]]);
});
