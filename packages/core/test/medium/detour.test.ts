import { describe, expect, test } from "vitest";
import { carryAround } from "../../src/medium/detour.ts";
import type { Uptake } from "../../src/medium/medium.ts";
import { triesOf } from "../../src/physics/bend.ts";
import type { Exchange } from "../../src/wave/exchange.ts";
import type { Wave } from "../../src/wave/wave.ts";
import { sampleWave } from "../sample-wave.ts";
import { fc } from "../seeded.ts";
import { SimpleListener } from "./simple-listener.ts";

/** A member that writes down the waves it is offered, and refuses them or not. */
class Member extends SimpleListener {
  readonly offered: Wave[] = [];
  deaf = false;

  override hears(): boolean {
    return !this.deaf;
  }

  override receive(wave: Wave): Uptake {
    this.offered.push(wave);
    return super.receive(wave);
  }
}

const flags = fc.record({ opaque: fc.boolean(), deaf: fc.boolean(), full: fc.boolean(), refuses: fc.boolean() });
const group = fc.array(flags, { minLength: 1, maxLength: 9 });

/** The members of a group, as `states` say. */
function membersOf(states: readonly { opaque: boolean; deaf: boolean; full: boolean; refuses: boolean }[]): Member[] {
  return states.map(({ refuses, ...state }) => {
    const uptake: Uptake = refuses ? "refused" : "admitted";
    return Object.assign(new Member("orders"), state, { uptake });
  });
}

const amplitude = fc.double({ min: 0.01, max: 1, noNaN: true });
const exchange: Exchange = {
  deadline: Number.POSITIVE_INFINITY,
  over: false,
  reached: () => {},
  refused: () => {},
  admitted: () => {},
  answered: () => {},
  silent: () => {},
  returned: () => {},
  reflected: () => {},
  onOver: () => () => {},
};
const command = (a: number): Wave => sampleWave({ kind: "command", amplitude: a, extras: { exchange } });

/** All offers, the loudest first. */
function offers(members: readonly Member[]): Wave[] {
  return members.flatMap(({ offered }) => offered).sort((a, b) => b.amplitude - a.amplitude);
}

describe("a wave on its way through a group", () => {
  test("physics §9: never goes to a candidate that was tried for it, and to no more than log2(A / Amin)", () => {
    fc.assert(
      fc.property(group, amplitude, (states, a) => {
        const members = membersOf(states);
        carryAround(command(a), members);
        expect(Math.max(...members.map(({ offered }) => offered.length))).toBe(1);
        expect(offers(members).length).toBeLessThanOrEqual(triesOf(a, 0.01));
      }),
    );
  });

  test("physics §9: is strictly weaker at each try, by half for each that it went around", () => {
    fc.assert(
      fc.property(group, amplitude, (states, a) => {
        const members = membersOf(states);
        carryAround(command(a), members);
        const all = offers(members);
        for (const [i, wave] of all.entries()) {
          expect(wave.amplitude).toBe(a * 0.5 ** wave.around.length);
          expect(i === 0 || wave.amplitude < (all[i - 1]?.amplitude ?? 0)).toBe(true);
        }
      }),
    );
  });

  test("physics §9: the one that takes it ends it: nobody is asked after that", () => {
    fc.assert(
      fc.property(group, amplitude, (states, a) => {
        const members = membersOf(states);
        const uptake = carryAround(command(a), members);
        const takers = members.filter((member) => member.offered.length > 0 && member.uptake !== "refused");
        expect(takers.length).toBe(uptake === "refused" ? 0 : 1);
        const last = offers(members).at(-1);
        expect(takers[0]?.offered[0] ?? last).toBe(last);
      }),
    );
  });

  test("physics §9: an event is offered to exactly one, opaque or not", () => {
    fc.assert(
      fc.property(group, amplitude, (states, a) => {
        const members = membersOf(states);
        carryAround(sampleWave({ amplitude: a }), members);
        expect(offers(members).length).toBe(1);
      }),
    );
  });

  test("physics §9: goes to none in trouble as long as one within reach is clear", () => {
    fc.assert(
      fc.property(group, (states) => {
        const members = membersOf(states);
        carryAround(sampleWave({ amplitude: 1 }), members);
        const isClear = (member: Member): boolean => !(member.opaque || member.deaf || member.full);
        const at = members.findIndex(isClear);
        const obstacles = members.slice(0, at).filter((member) => member.opaque).length;
        const taker = members.find(({ offered }) => offered.length > 0);
        expect(at < 0 || obstacles >= triesOf(1, 0.01) || taker === members[at]).toBe(true);
      }),
    );
  });

  test("what is sent again goes to nobody who had it, is full, deaf or in trouble", () => {
    fc.assert(
      fc.property(group, amplitude, fc.nat(8), (states, a, had) => {
        const members = membersOf(states);
        const instance = members[had % members.length]?.presence.instance ?? "";
        carryAround(command(a).goingAround([instance]), members);
        for (const member of members.filter(({ offered }) => offered.length > 0)) {
          expect(member).toMatchObject({ opaque: false, deaf: false, full: false });
          expect(member.presence.instance).not.toBe(instance);
        }
      }),
    );
  });
});
