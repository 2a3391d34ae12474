/** Recorders that lose, double and miscount dead letters. */

import type { DeadLetter, DeadLetterStore, Medium } from "@aether/core";
import { RememberingLetters } from "../lawful/remembering-letters.ts";
import { alteredRecorder } from "./altered-recorder.ts";
import type { BrokenMedium } from "./broken-medium.ts";

/** A medium with a memory whose dead letters are kept as `alter` changes it. */
function keeping(alter: (store: DeadLetterStore) => Partial<DeadLetterStore>): () => Medium {
  return () =>
    alteredRecorder({
      recorder({ deadLetters }) {
        if (deadLetters === undefined) {
          throw new Error("Expected a recorder that keeps dead letters");
        }
        const passed: DeadLetterStore = {
          add: (letter) => deadLetters.add(letter),
          list: (query) => deadLetters.list(query),
          take: (id) => deadLetters.take(id),
          putBack: (id) => deadLetters.putBack(id),
          forget: (id) => deadLetters.forget(id),
          purge: (which) => deadLetters.purge(which),
          stats: () => deadLetters.stats(),
        };
        return { deadLetters: { ...passed, ...alter(passed) } };
      },
    });
}

export const letters: readonly BrokenMedium[] = [
  {
    name: "keeps of an error only what it says",
    create: keeping((store) => ({
      add: (letter) => store.add({ ...letter, error: { ...letter.error, stack: undefined } }),
    })),
    breaks: ["a dead letter is seen from everywhere, with all that is known of it"],
  },
  {
    name: "keeps dead letters for each link",
    create: () => alteredRecorder({ recorder: () => ({ deadLetters: new RememberingLetters(1000) }) }),
    breaks: [
      "a dead letter is seen from everywhere, with all that is known of it",
      "a dead letter outlives the link that kept it",
      "a wave that fails again at the same resonance leaves one letter",
      "dead letters are counted wherever they enter and leave",
    ],
  },
  {
    name: "keeps a letter each time its wave fails",
    create() {
      let count = 0;
      return keeping((store) => ({
        add: (letter) => store.add({ ...letter, name: `${letter.name} ${count++}` }),
      }))();
    },
    breaks: ["a wave that fails again at the same resonance leaves one letter"],
  },
  {
    name: "writes payloads as JSON, or not at all",
    create: keeping((store) => ({
      async add(letter) {
        JSON.stringify(letter.wave.payload);
        return await store.add(letter);
      },
    })),
    breaks: ["a letter whose payload cannot be written is kept without it"],
  },
  {
    name: "lists the latest letters first, and all of them",
    create: keeping((store) => ({
      async *list({ pattern }) {
        const found: DeadLetter[] = [];
        for await (const letter of store.list({ pattern })) {
          found.unshift(letter);
        }
        yield* found;
      },
    })),
    breaks: ["dead letters are listed oldest first, by pattern and limit"],
  },
  {
    name: "lets everybody take a letter",
    create: keeping((store) => ({
      async take(id) {
        for await (const letter of store.list({})) {
          if (letter.id === id) {
            return letter;
          }
        }
        return undefined;
      },
    })),
    breaks: ["a dead letter is taken by one at a time, and can be put back"],
  },
  {
    name: "never lets go of a letter that was taken",
    create: keeping(() => ({ putBack: async () => undefined })),
    breaks: ["a dead letter is taken by one at a time, and can be put back"],
  },
  {
    name: "only puts back what is to be forgotten",
    create: keeping((store) => ({ forget: (id) => store.putBack(id) })),
    breaks: [
      "a dead letter that was forgotten is gone for good",
      "dead letters are counted wherever they enter and leave",
    ],
  },
  {
    name: "purges without its bounds",
    create: keeping((store) => ({ purge: ({ pattern }) => store.purge({ pattern }) })),
    breaks: ["dead letters are purged by pattern, id and time"],
  },
  {
    name: "counts as entered what was there",
    create() {
      let entered = 0;
      return keeping((store) => ({
        add(letter) {
          entered++;
          return store.add(letter);
        },
        stats: async () => ({ ...(await store.stats()), entered }),
      }))();
    },
    breaks: ["dead letters are counted wherever they enter and leave"],
  },
];
