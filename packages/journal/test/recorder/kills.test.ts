import { describe, expect, test } from "vitest";
import { seedOf } from "../seed.ts";
import { killWhileRecording } from "./killed.ts";

const seed = seedOf("recording kills");

describe("a process over a journal that is killed again and again", () => {
  test("every emit that resolved is handled by every group; retries, attempts and dead letters survive", async () => {
    const { emitted, resumed, letters, wrong } = await killWhileRecording(4, seed, "none");
    expect(wrong).toEqual([]);
    expect(emitted).toBeGreaterThan(50);
    expect(resumed).toBeGreaterThan(0);
    expect(letters).toBeGreaterThan(0);
  });

  test("is found out when its groups begin anew in each life", async () => {
    expect((await killWhileRecording(2, 1, "anew")).wrong).not.toEqual([]);
  });

  test("is found out when it is done with waves before it handles them", async () => {
    expect((await killWhileRecording(3, 1, "early")).wrong).not.toEqual([]);
  });
});
