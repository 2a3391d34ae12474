import { expect, test } from "vitest";
import { seedOf } from "../seed.ts";
import { killWhileRecording } from "./killed.ts";

const seed = seedOf("recording kills");

test("every emit that resolved is handled by every group, over 60 kills of ten journals", async () => {
  for (let round = 0; round < 10; round++) {
    expect((await killWhileRecording(6, seed + round, "none")).wrong, `AETHER_SEED=${seed + round}`).toEqual([]);
  }
}, 600_000);
