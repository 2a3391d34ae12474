/**
 * A process over a journal that emits and handles until it is killed, or until everything is handled. It prints
 * `E <id>` for each emit that resolved, `H <group> <id> <attempt>` for each run of a handler before it ends, and `D` when
 * all is done.
 *
 * `control` takes one protection away: `anew`: groups begin anew in each life; `early`: waves are done with before they
 * are handled.
 */

import { writeSync } from "node:fs";
import { Aether, inProcess, UnrecoverableError } from "@aether/core";
import { openJournal } from "@aether/journal";

const [directory = "", life = "0", task = "emit", control = "none", mode = "sync"] = process.argv.slice(2);
const GROUPS = ["beta", "gamma"];
const options = { mode, segmentBytes: 64 * 1024, retention: { dropReleased: true } };
const journal = await openJournal(directory, options);
const medium = journal.over(inProcess());

/** As `medium`, with what `control` takes away. */
const altered = {
  ...medium,
  async open(events) {
    const link = await medium.open(events);
    const { recorder } = link;
    const follow = async (follower, from) => {
      if (control === "anew") {
        await recorder.drop(follower.presence.group, follower.presence.name);
        return recorder.follow(follower, "new");
      }
      if (control !== "early") {
        return recorder.follow(follower, from);
      }
      const take = (wave, custody) => {
        void custody.done();
        follower.take(wave, { done: async () => undefined, giveBack: () => undefined });
      };
      const early = {
        presence: follower.presence,
        take,
        get wanted() {
          return follower.wanted;
        },
        malformed: (count) => follower.malformed(count),
      };
      return recorder.follow(early, from);
    };
    const changed = {
      deadLetters: recorder.deadLetters,
      declare: (patterns) => recorder.declare(patterns),
      records: (pattern) => recorder.records(pattern),
      record: (wave, deadline) => recorder.record(wave, deadline),
      follow,
      read: (query) => recorder.read(query),
      groups: () => recorder.groups(),
      drop: (group, name) => recorder.drop(group, name),
    };
    return { ...link, recorder: changed };
  },
};

const aether = await Aether.connect({ medium: altered, recorded: ["orders.>"] });
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
for (const group of GROUPS) {
  const handler = async ({ id }, { attempt }) => {
    // Without a protection something is in hand at every kill, so that it shows.
    await pause(control === "none" ? 2 : 100);
    writeSync(1, `H ${group} ${id} ${attempt} ${life}\n`);
    if (id.includes("poison")) {
      throw new UnrecoverableError("it never works");
    }
    if (id.includes("flaky") && attempt < 3) {
      throw new Error("not yet");
    }
  };
  await aether.vibrator(group).resonateOn("orders.*", handler, {
    from: "start",
    concurrency: 20,
    backoffMs: { base: 40, max: 80 },
  });
}
const alpha = aether.vibrator("alpha");
writeSync(1, "ready\n");
if (task === "emit") {
  await Promise.all(
    Array.from({ length: 4 }, async (_, emitter) => {
      for (let n = 0; ; n++) {
        const kind = n % 17 === 3 ? "poison" : n % 5 === 1 ? "flaky" : "plain";
        const id = `${kind}-${life}-${emitter}-${n}`;
        await alpha.emit("orders.created", { id }, { id });
        writeSync(1, `E ${id}\n`);
      }
    }),
  );
}
const { recorder } = await altered.open({
  connected: () => undefined,
  disconnected: () => undefined,
  interest: () => undefined,
  reflected: () => undefined,
  moment: () => undefined,
});
while ((await recorder.groups()).some(({ pending }) => pending > 0)) {
  await pause(10);
}
await aether.close({ deadlineMs: 2000 });
await journal.close();
writeSync(1, "D\n");
