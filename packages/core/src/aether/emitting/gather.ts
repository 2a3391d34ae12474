/** Gathering: the answers to one query of everybody who heard it, as they come. */

import { readAnswer, type Schema } from "../../wave/channel.ts";
import type { Wave } from "../../wave/wave.ts";
import type { Outcome, Pending } from "./pending.ts";

/** Yields each response, parsed by `reply`, until the exchange ends. Ending the iteration ends the exchange. */
export async function* gatherAnswers(
  reply: Schema | undefined,
  send: (outcome: Outcome) => Pending,
): AsyncGenerator<Wave, void, undefined> {
  const answers: Wave[] = [];
  let ended = false;
  let failure: unknown;
  let wake: (() => void) | undefined;
  const pending = send({
    answered(response) {
      answers.push(response);
      wake?.();
    },
    ended(error) {
      ended = true;
      failure = error;
      wake?.();
    },
  });
  try {
    for (;;) {
      const response = answers.shift();
      if (response !== undefined) {
        yield reply === undefined ? response : await readAnswer(reply, response);
      } else if (ended) {
        break;
      } else {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
    if (failure !== undefined) {
      throw failure;
    }
  } finally {
    pending.cancel(undefined);
  }
}
