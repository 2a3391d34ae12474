import { crc32 } from "node:zlib";
import type { ReflectCause } from "@aether/core";
import { describe, expect, test } from "vitest";
import { ControlPen, decodeControl } from "../../src/wire/control.ts";

const by = { by: "beta", byId: "beta-1" };
const refusal = { ...by, code: "AETHER_SHED", floor: 0.5, retryAfterMs: 20 } as const;
const cause: ReflectCause = {
  ...{ ...by, code: "error", error: "AETHER_HANDLER_FAILED", message: "no: ü", retryable: true },
  retryAfterMs: undefined,
};

/** A message of which each kind of entry is one. */
function everything(): Buffer {
  const pen = new ControlPen();
  pen.admitted(1, by, "link");
  pen.silent(2, by, false);
  pen.silent(3, by, true);
  pen.answered(4, by, '{"ä":1}', 1, false);
  pen.answered(5, by, Uint8Array.of(1, 2), 2, true);
  pen.answered(6, by, undefined, 0, true);
  pen.json("refused", 7, refusal);
  pen.json("returned", 8, refusal);
  pen.json("reflected", 9, cause);
  pen.over(2 ** 32 - 1, "alpha-1");
  return pen.take();
}

/** `message` after `change`, under a checksum that fits. */
function changed(message: Buffer, change: (bytes: Buffer) => void): Buffer {
  const bytes = Buffer.from(message);
  change(bytes);
  bytes.writeUInt32LE(crc32(bytes.subarray(0, -4)), bytes.length - 4);
  return bytes;
}

describe("a control message", () => {
  test("tells what was written", () => {
    expect(decodeControl(everything())).toEqual([
      { type: "admitted", correlation: 1, by, link: "link" },
      { type: "silent", correlation: 2, admits: false, by },
      { type: "silent", correlation: 3, admits: true, by },
      { type: "answered", correlation: 4, admits: false, answer: { ...by, payload: { ä: 1 } } },
      { type: "answered", correlation: 5, admits: true, answer: { ...by, payload: Uint8Array.of(1, 2) } },
      { type: "answered", correlation: 6, admits: true, answer: { ...by, payload: undefined } },
      { type: "refused", correlation: 7, why: refusal },
      { type: "returned", correlation: 8, why: refusal },
      { type: "reflected", correlation: 9, cause },
      { type: "over", correlation: 2 ** 32 - 1, source: "alpha-1" },
    ]);
  });

  test("is one of many that one pen writes, however long they are", () => {
    const pen = new ControlPen();
    const text = JSON.stringify("x".repeat(5000));
    const messages = Array.from({ length: 20 }, (_, number) => {
      for (let entry = 0; entry < 1 + number * 3; entry++) {
        pen.answered(number, by, text, 1, true);
      }
      return pen.take();
    });
    for (const [number, message] of messages.entries()) {
      const told = decodeControl(message) ?? [];
      expect(told).toHaveLength(1 + number * 3);
      expect(told[0]).toMatchObject({ correlation: number, answer: { payload: "x".repeat(5000) } });
    }
  });

  test("with any bit flipped, or cut at any place, tells nothing", () => {
    const message = everything();
    for (let bit = 0; bit < message.length * 8; bit++) {
      const damaged = Buffer.from(message);
      damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(decodeControl(damaged)).toBeUndefined();
    }
    for (let length = 0; length < message.length; length++) {
      expect(decodeControl(message.subarray(0, length))).toBeUndefined();
    }
  });

  test("passes over entries of types that are not known", () => {
    const pen = new ControlPen();
    pen.silent(1, by, false);
    pen.silent(2, by, true);
    const message = pen.take();
    const typeAt = 4 + 4;
    for (const type of [8, 127, 128, 131, 134, 255]) {
      const later = changed(message, (bytes) => bytes.writeUInt8(type, typeAt));
      expect(decodeControl(later)).toEqual([{ type: "silent", correlation: 2, admits: true, by }]);
    }
  });

  test("tells of an answer that cannot be read, so that nobody waits for it", () => {
    const pen = new ControlPen();
    pen.answered(1, by, '{"open', 1, true);
    pen.silent(2, by, true);
    expect(decodeControl(pen.take())).toMatchObject([
      { type: "reflected", correlation: 1, cause: { code: "rejected", error: "AETHER_BAD_PAYLOAD", ...by } },
      { type: "silent", correlation: 2 },
    ]);
  });
});
