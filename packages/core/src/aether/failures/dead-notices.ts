/** Notices: each dead letter as a wave on `$dead.<channel>`, for whoever resonates there. docs/physics.md §7. */

import { soon } from "../../clock.ts";
import type { NewDeadLetter } from "../../medium/dead-letter-store.ts";
import type { Link } from "../../medium/medium.ts";
import type { Ids } from "../../wave/ids.ts";
import { type Headers, Wave } from "../../wave/wave.ts";
import { hasControl, headersFault } from "../../wave/well-formed.ts";
import type { TickTime } from "../tick-time.ts";

/** What every notice has as a header beside those of the wave that failed. */
export const DEAD_HEADERS = {
  letter: "aether-dead-letter",
  code: "aether-dead-code",
  message: "aether-dead-message",
  attempts: "aether-dead-attempts",
  group: "aether-dead-group",
  name: "aether-dead-name",
  source: "aether-dead-source",
} as const;

/** First token of the channels that notices go on. */
const DEAD = "$dead";
const LONGEST_MESSAGE = 512;

/** What telling of dead letters needs of an aether. */
export interface DeadNoticesParts {
  readonly link: Link;
  readonly ids: Ids;
  readonly time: TickTime;
}

/** Tells of the dead letters of one aether by waves. */
export class DeadNotices {
  readonly #parts: DeadNoticesParts;

  constructor(parts: DeadNoticesParts) {
    this.#parts = parts;
  }

  /** Tells of `letter`, which is kept under `id` and failed at `vibrator`. Nobody has to hear it, and it never throws. */
  tell(id: string, letter: NewDeadLetter, vibrator: string): void {
    // Whoever listens may emit, and that must not come between the wave and those who are still to hear it.
    soon(() => {
      try {
        const wave = this.#notice(id, letter, vibrator);
        const carried = this.#parts.link.outlet(wave.channel).propagate(wave);
        if (carried instanceof Promise) {
          carried.catch(() => undefined);
        }
      } catch {
        // The link is closed, or the payload cannot travel: the letter is there all the same.
      }
    });
  }

  #notice(id: string, letter: NewDeadLetter, vibrator: string): Wave {
    const { ids, time } = this.#parts;
    const { wave, instance } = letter;
    const { key, version } = wave;
    return Wave.of({
      ...wave.toInit(),
      id: ids.next(),
      channel: `${DEAD}.${wave.channel}`,
      kind: "event",
      origin: { source: vibrator, sourceId: instance },
      moment: time.moment,
      cause: wave.id,
      // Named, so that it never goes in a run: receivers look at it one by one.
      extras: { key, version, headers: headersOf(id, letter), named: true },
    });
  }
}

/** The headers of the wave that failed, where there is room, and what is known of its failure. */
function headersOf(id: string, { wave, error, attempts, group, name }: NewDeadLetter): Headers {
  const facts: Headers = {
    [DEAD_HEADERS.letter]: id,
    [DEAD_HEADERS.code]: error.code,
    [DEAD_HEADERS.message]: inOneLine(error.message),
    [DEAD_HEADERS.attempts]: String(attempts),
    ...(group !== false && { [DEAD_HEADERS.group]: group }),
    [DEAD_HEADERS.name]: name,
    [DEAD_HEADERS.source]: wave.source,
  };
  const all = { ...wave.headers, ...facts };
  return headersFault(all) === undefined ? all : facts;
}

function inOneLine(text: string): string {
  return Array.from(text.slice(0, LONGEST_MESSAGE), (character) => (hasControl(character) ? " " : character)).join("");
}
