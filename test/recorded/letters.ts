/** Dead letters of an aether, and media whose store of letters is changed. */

import type { Aether, DeadLetter, DeadLetterQuery, DeadLetterStore, Medium, Recorder } from "@aether/core";
import { passedRecorder } from "../../packages/testing/test/broken/passed-recorder.ts";

/** The letters that `aether` sees. */
export async function lettersOf(aether: Pick<Aether, "deadLetters">, query?: DeadLetterQuery): Promise<DeadLetter[]> {
  const found: DeadLetter[] = [];
  for await (const letter of aether.deadLetters.list(query)) {
    found.push(letter);
  }
  return found;
}

/** `medium` whose recorders keep dead letters as `alter` says; `undefined`: they keep none. */
export function withLetters(
  medium: Medium,
  alter: (store: DeadLetterStore) => Partial<DeadLetterStore> | undefined,
): Medium {
  return {
    ...medium,
    async open(events) {
      const link = await medium.open(events);
      const { recorder } = link;
      const store = recorder?.deadLetters;
      if (recorder === undefined || store === undefined) {
        throw new Error("Expected a medium that keeps dead letters");
      }
      const changes = alter(store);
      const passed: DeadLetterStore = {
        add: (letter) => store.add(letter),
        list: (query) => store.list(query),
        take: (id) => store.take(id),
        putBack: (id) => store.putBack(id),
        forget: (id) => store.forget(id),
        purge: (which) => store.purge(which),
        stats: () => store.stats(),
      };
      const altered: Recorder = {
        ...passedRecorder(recorder),
        deadLetters: changes && { ...passed, ...changes },
      };
      return {
        recorder: altered,
        outlet: (channel) => link.outlet(channel),
        reflect: (reflection) => link.reflect(reflection),
        resonate: (listener) => link.resonate(listener),
        room: (channel) => link.room(channel),
        present: () => link.present(),
        heard: (channel) => link.heard(channel),
        close: () => link.close(),
      };
    },
  };
}
