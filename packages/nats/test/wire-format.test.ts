import { readFileSync } from "node:fs";
import { Wave } from "@aether/core";
import { describe, expect, test } from "vitest";
import { decode, encode, mostBytesAround, mostBytesOf, outbound, Seal, waveOf } from "../src/wire/envelope.ts";
import { decodeLetter, encodeLetter } from "../src/wire/letter.ts";
import { channelWriter } from "../src/wire/payloads.ts";
import { Slab } from "../src/wire/slab.ts";
import { LETTER, MOMENT, VECTORS, type Vector } from "./wire-vectors.ts";

const page = readFileSync(new URL("../../../docs/wire-format.md", import.meta.url), "utf8");

function written({ channel, waves, request, codec = "json" }: Vector, waitedMs?: number): Buffer {
  const writer = channelWriter(codec);
  const items = waves.map((wave) => outbound(wave, request, writer));
  const [first] = waves;
  const origin = { source: first?.source ?? "", sourceId: first?.sourceId ?? "" };
  const most = items.reduce((sum, item) => sum + mostBytesOf(item), mostBytesAround(origin));
  return encode(new Slab(), new Seal(channel), items, origin, most, waitedMs);
}

/** The digits of a message in lines of 32 bytes. */
function digits(message: Buffer): string {
  return (message.toString("hex").match(/.{1,64}/g) ?? []).join("\n");
}

describe("docs/wire-format.md", () => {
  test.each(VECTORS)("shows $title as it is written", (vector) => {
    expect(page).toContain(
      `**${vector.title}**, on \`${vector.channel}\`:\n\n\`\`\`text\n${digits(written(vector))}\n\`\`\``,
    );
  });

  test("shows nothing else", () => {
    const titles = [...page.matchAll(/^\*\*(.+?)\*\*, on /gm)].map(([, title]) => title);
    expect(titles).toEqual([...VECTORS, LETTER].map(({ title }) => title));
  });

  test("shows a dead letter as it is written", () => {
    const message = encodeLetter(LETTER.facts, written(LETTER), new Seal(LETTER.channel));
    expect(page).toContain(`**${LETTER.title}**, on \`${LETTER.channel}\`:\n\n\`\`\`text\n${digits(message)}\n\`\`\``);
  });
});

describe("a dead letter", () => {
  const { channel, facts, waves } = LETTER;
  const seal = new Seal(channel);
  const message = encodeLetter(facts, written(LETTER), seal);

  test("says what was written", () => {
    const letter = decodeLetter("id", message, channel, seal, MOMENT);
    const { position, ...rest } = facts;
    expect({ ...letter, wave: letter?.wave.toJSON() }).toEqual({
      ...{ id: "id", ...rest, origin: { source: "alpha", sourceId: "alpha-1" } },
      wave: { ...waves[0]?.toJSON(), position },
    });
  });

  test("with any bit flipped, cut at any place, or on another channel says nothing", () => {
    for (let bit = 0; bit < message.length * 8; bit++) {
      const damaged = Buffer.from(message);
      damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(decodeLetter("id", damaged, channel, seal, MOMENT)).toBeUndefined();
    }
    for (let length = 0; length < message.length; length++) {
      expect(decodeLetter("id", message.subarray(0, length), channel, seal, MOMENT)).toBeUndefined();
    }
    expect(decodeLetter("id", message, "orders.paid", new Seal("orders.paid"), MOMENT)).toBeUndefined();
  });

  test("whose facts are others than they should be says nothing; an unknown code is that of a handler", () => {
    const read = (changes: object) => {
      const changed = encodeLetter({ ...facts, ...changes }, written(LETTER), seal);
      return decodeLetter("id", changed, channel, seal, MOMENT);
    };
    for (const changes of [{ attempts: "1" }, { group: true }, { name: 1 }, { instance: null }, { at: null }]) {
      expect(read(changes)).toBeUndefined();
    }
    expect(read({ error: { message: 5 } })).toBeUndefined();
    expect(read({ error: { code: "AETHER_LATER", message: "x" } })?.error).toEqual({
      ...{ code: "AETHER_HANDLER_FAILED", message: "x", stack: undefined },
    });
  });
});

describe("a message", () => {
  test.each(VECTORS)("says what was written: $title", (vector) => {
    const { channel, waves, request } = vector;
    const read = decode(written(vector), channel, new Seal(channel), MOMENT);
    expect(read?.map((inbound) => waveOf(inbound, undefined).toJSON())).toEqual(waves.map((wave) => wave.toJSON()));
    expect(read?.map((inbound) => inbound.request)).toEqual(waves.map(() => request));
  });

  test.each(VECTORS)("with any bit flipped says nothing: $title", (vector) => {
    const seal = new Seal(vector.channel);
    const message = written(vector);
    for (let bit = 0; bit < message.length * 8; bit++) {
      const damaged = Buffer.from(message);
      damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(decode(damaged, vector.channel, seal, MOMENT)).toBeUndefined();
    }
  });

  test.each(VECTORS)("that has waited says so: $title", (vector) => {
    const { channel, waves, request } = vector;
    const read = decode(written(vector, 1500), channel, new Seal(channel), MOMENT) ?? [];
    expect(read.map((inbound) => waveOf(inbound, undefined).age)).toEqual(waves.map(({ age }) => age + 1500));
    expect(read.map((inbound) => inbound.request?.leftMs)).toEqual(waves.map(() => request && request.leftMs - 1500));
  });

  test("cut at any place says nothing", () => {
    for (const vector of VECTORS) {
      const message = written(vector);
      for (let length = 0; length < message.length; length++) {
        expect(decode(message.subarray(0, length), vector.channel, new Seal(vector.channel), MOMENT)).toBeUndefined();
      }
    }
  });

  test("says nothing on another channel", () => {
    for (const vector of VECTORS) {
      expect(decode(written(vector), "other", new Seal("other"), MOMENT)).toBeUndefined();
    }
  });

  describe("of several waves", () => {
    const channel = "orders.created";
    const origin = { source: "alpha", sourceId: "alpha-1" };
    const fine = { id: "w1", amplitude: 0.5, halfLifeMs: 60_000, origin, channel };
    type Claims = Partial<typeof fine>;

    /** A wave as it arrives in one message with a wave that is fine. */
    function arrived(claims: Claims): Wave | undefined {
      const waves = [{}, claims].map((own) => {
        const { id, amplitude, halfLifeMs, ...rest } = { ...fine, ...claims, ...own };
        const isFirst = own !== claims;
        return Wave.of({
          ...rest,
          ...{ kind: "event", payload: 1, moment: MOMENT, hops: 1, cause: undefined, bytes: 1, extras: undefined },
          ...(isFirst ? { id: "w0", amplitude: 0.5, halfLifeMs: 60_000 } : { id, amplitude, halfLifeMs }),
          trace: isFirst ? "w0" : id,
        });
      });
      const told = claims.channel ?? channel;
      const items = waves.map((wave) => outbound(wave, undefined, channelWriter("json")));
      const from = claims.origin ?? origin;
      const most = items.reduce((sum, item) => sum + mostBytesOf(item), mostBytesAround(from));
      const message = encode(new Slab(), new Seal(told), items, from, most);
      const [, second] = decode(message, told, new Seal(told), MOMENT) ?? [];
      return second && waveOf(second, undefined);
    }

    test("says of each that is well-formed that it is sound", () => {
      expect(arrived({})?.sound).toBe(true);
      expect(arrived({ id: "w".repeat(200) })?.fault).toBeUndefined();
    });

    test.each<[string, Claims]>([
      ["an id that is empty", { id: "" }],
      ["an id with a blank", { id: "w 1" }],
      ["an id with a letter that is not ASCII", { id: "wü" }],
      ["an amplitude above 1", { amplitude: 1.5 }],
      ["an amplitude that is no number", { amplitude: Number.NaN }],
      ["a half-life of 0", { halfLifeMs: 0 }],
      ["a source with a line end", { origin: { source: "al\npha", sourceId: "alpha-1" } }],
      ["an instance that is empty", { origin: { source: "alpha", sourceId: "" } }],
      ["a channel that is none", { channel: "orders..created" }],
    ])("believes none %s", (_, claims) => {
      // The last that was fine must not speak for it.
      expect(arrived({})?.sound).toBe(true);
      const wave = arrived(claims);
      expect(wave?.sound).toBe(false);
      expect(wave?.fault).toBeDefined();
    });
  });

  test("with more in its head than is known is read all the same", () => {
    const vector = VECTORS[0] as Vector;
    const later = withLongerHead(written(vector), vector.channel);
    const [read] = decode(later, vector.channel, new Seal(vector.channel), MOMENT) ?? [];
    expect(read && waveOf(read, undefined)).toBeInstanceOf(Wave);
    expect(read && waveOf(read, undefined).toJSON()).toEqual(vector.waves[0]?.toJSON());
  });
});

/** `message`, which holds one wave without a payload, as a later version might write it: three bytes more in the head. */
function withLongerHead(message: Buffer, channel: string): Buffer {
  const around = 4 + 1 + "alpha".length + 1 + "alpha-1".length;
  const body = Buffer.concat([message.subarray(0, message.length - 4), Buffer.from([1, 2, 3])]);
  body.writeUInt32LE(body.readUInt32LE(around) + 3, around);
  body.writeUInt16LE(body.readUInt16LE(around + 4) + 3, around + 4);
  const sealed = Buffer.alloc(body.length + 4);
  body.copy(sealed);
  sealed.writeUInt32LE(new Seal(channel).of(body), body.length);
  return sealed;
}
