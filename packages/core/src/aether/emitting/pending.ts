/** The emitter's end of a command, query or gather: it waits, counts those who heard, and decides. */

import { AetherError } from "../../errors.ts";
import { weigh } from "../../wave/codec.ts";
import {
  type Answer,
  causeOfRefusal,
  type Exchange,
  type ReflectCause,
  type Refusal,
  type Teller,
} from "../../wave/exchange.ts";
import { type Reflection, reflect } from "../../wave/reflection.ts";
import { type Moment, Wave, type WaveHead } from "../../wave/wave.ts";
import { Deadline } from "../deadlines.ts";

/** What a pending exchange needs from its vibrator. */
export interface PendingHost {
  /** Monotonic milliseconds. */
  now(): number;
  moment(): Moment;
  /** Takes it out of the sweep of deadlines. */
  release(pending: Pending): void;
  /** Lets it expire at its deadline. */
  watch(pending: Pending): void;
  reflected(reflection: Reflection): void;
}

/** What those who wait for an exchange are told. */
export interface Outcome {
  /** The first hearer has it in its inbox. */
  admitted?(heard: number | undefined): void;
  answered?(response: Wave): void;
  /** Nothing more will come. `error` when there was not what was asked for. */
  ended(error: unknown): void;
}

/** Why the other hearers of a query may stop; made once, for a stack would tell nothing. */
const ANSWERED = new AetherError("AETHER_CLOSED", "Another receiver has answered the query");

/** What a refusal means, in words. */
const REFUSED: Record<Refusal["code"], string> = {
  AETHER_SHED: "has no room for a wave as quiet as this",
  AETHER_DRAINING: "is shutting down",
  AETHER_UNAUTHORISED: "does not hear this source",
  AETHER_EXHAUSTED: "hears no chain of so many hops",
  AETHER_FADED: "found that it had faded",
};

/** One exchange, from the emitter's side. Ends once; what comes later is only reflected. */
export class Pending extends Deadline implements Exchange {
  readonly deadline: number;
  readonly host: PendingHost;
  readonly #kind: "command" | "query" | "gather";
  readonly #outcome: Outcome;
  #wave: Wave | undefined;
  /** How many groups took it; `undefined` while that is not known. */
  #heard: number | undefined;
  #launched = false;
  #admitted = 0;
  /** Instances that took or refused it, where somebody wants to know. */
  #had: string[] | undefined;
  #done = 0;
  #returned = 0;
  /** Why it was not taken by the first who refused it. */
  #refusal: Refusal | undefined;
  /** Why it was given back by the first who had taken it. */
  #return: Refusal | undefined;
  #failure: ReflectCause | undefined;
  #ended = false;
  #over: { readonly reason: unknown } | undefined;
  #onEnd: (() => void)[] | undefined;
  /** Nearly always one listens, the medium: a set is made for more. */
  #onOver: ((reason: unknown) => void) | Set<(reason: unknown) => void> | undefined;

  constructor(kind: "command" | "query" | "gather", deadline: number, host: PendingHost, outcome: Outcome) {
    super();
    this.#kind = kind;
    this.deadline = deadline;
    this.host = host;
    this.#outcome = outcome;
  }

  /** Whether nobody waits any more. A command that was taken is not over: its handler is to finish. */
  get over(): boolean {
    return this.#over !== undefined;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Whether nobody has begun to handle it: who took it, if anybody did, has given it back. */
  get untouched(): boolean {
    return this.#admitted === this.#returned;
  }

  /** The wave is about to leave. */
  launch(wave: Wave): void {
    this.#wave = wave;
  }

  /** The medium has carried it to `heard` groups, or does not know to how many. */
  launched(heard: number | undefined): void {
    this.#launched = true;
    this.#heard ??= heard;
    this.#decide();
  }

  reached(groups: number): void {
    this.#heard = groups;
    this.#decide();
  }

  /** Keeps in mind from now on who had it. */
  remember(): void {
    this.#had = [];
  }

  /** Instances that took or refused it. */
  get had(): readonly string[] {
    return this.#had ?? [];
  }

  refused(why: Refusal): void {
    this.#had?.push(why.byId);
    const isRepeated = this.#refusal?.by === why.by && this.#refusal.code === why.code;
    this.#refusal ??= why;
    // A loop, and a source that somebody does not hear, are mistakes: told even if others take the wave, and once for a
    // service, however many instances of it refuse.
    if (!isRepeated && (why.code === "AETHER_EXHAUSTED" || why.code === "AETHER_UNAUTHORISED")) {
      this.#comeBack(causeOfRefusal(why));
    }
  }

  admitted(by: Teller): void {
    this.#admitted++;
    this.#had?.push(by.byId);
    this.#decide();
  }

  returned(why: Refusal): void {
    this.#done++;
    this.#returned++;
    this.#return ??= why;
    this.#comeBack(causeOfRefusal(why));
    this.#decide();
  }

  answered(answer: Answer): void {
    this.#done++;
    if (!this.#ended && this.#wave !== undefined && this.#kind !== "command") {
      const response = responseTo(this.#wave, answer, this.host.moment());
      if (this.#kind === "query") {
        this.#end();
        this.#outcome.answered?.(response);
        this.#tellOver(ANSWERED);
        return;
      }
      this.#outcome.answered?.(response);
    }
    this.#decide();
  }

  silent(): void {
    this.#done++;
    this.#decide();
  }

  reflected(cause: ReflectCause): void {
    this.#done++;
    this.#failure ??= cause;
    this.#comeBack(cause);
    this.#decide();
  }

  #comeBack(cause: ReflectCause): void {
    const reflection = this.#wave && reflect(this.#wave, cause, this.host.now());
    if (reflection !== undefined) {
      this.host.reflected(reflection);
    }
  }

  /** The emitter stops waiting, for `reason`. */
  cancel(reason: unknown): void {
    if (!this.#ended) {
      this.#end();
      this.#outcome.ended(reason);
      this.#tellOver(reason);
    }
  }

  expire(): void {
    if (this.#ended) {
      this.#tellOver(new AetherError("AETHER_TIMEOUT", "The deadline of what caused the command has passed"));
      return;
    }
    if (this.#kind === "gather") {
      this.#finish(undefined);
      return;
    }
    const waited = this.#admitted > 0 ? "was taken and not answered" : "was not taken";
    this.cancel(
      new AetherError("AETHER_TIMEOUT", `The ${this.#kind} on "${this.#wave?.channel}" ${waited} in its time`, {
        details: { id: this.#wave?.id, channel: this.#wave?.channel, heard: this.#heard },
      }),
    );
  }

  /** Whether everybody who took it has told what came of it; those included whom it was sent again to. */
  get #isDone(): boolean {
    return this.#heard !== undefined && this.#done >= Math.max(this.#heard, this.#admitted);
  }

  /** Ends when a command was taken, or when it is known that no hearer can change anything any more. */
  #decide(): void {
    if (this.#ended || !this.#launched) {
      if (this.#isDone) {
        this.host.release(this);
      }
      return;
    }
    if (this.#kind === "command" && this.#admitted > 0) {
      this.#end();
      this.#outcome.admitted?.(this.#heard);
      if (this.deadline < Number.POSITIVE_INFINITY && this.#done < (this.#heard ?? Number.POSITIVE_INFINITY)) {
        // Taken, but what caused it has a deadline: its handlers are told when that has passed.
        this.host.watch(this);
      }
    } else if (this.#isDone) {
      this.#finish(this.#kind === "gather" ? undefined : this.#verdict());
    }
  }

  #finish(error: unknown): void {
    this.#end();
    this.#outcome.ended(error);
    this.#tellOver(error);
  }

  #verdict(): AetherError {
    const { id, channel } = this.#wave ?? {};
    const what = `the ${this.#kind} on "${channel}"`;
    const failure = this.#failure;
    if (failure !== undefined) {
      const code = failure.error === "AETHER_HANDLER_TIMEOUT" ? failure.error : "AETHER_HANDLER_FAILED";
      return new AetherError(code, `${failure.by} failed ${what}: ${failure.message}`, {
        retryable: failure.retryable,
        details: { id, channel, ...failure },
      });
    }
    // Who refused it does not matter when somebody else took it.
    const refusal = this.#return ?? (this.#heard === 0 ? this.#refusal : undefined);
    if (refusal !== undefined) {
      return new AetherError(refusal.code, `Nobody took ${what}: ${refusal.by} ${REFUSED[refusal.code]}`, {
        details: { id, channel, ...refusal },
      });
    }
    if (this.#heard === 0) {
      return new AetherError("AETHER_NO_RESONATOR", `Nobody resonates for ${what}: start a service that does`, {
        details: { id, channel },
      });
    }
    return new AetherError("AETHER_NO_ANSWER", `Everybody who heard ${what} kept silent: return a value to answer`, {
      details: { id, channel, heard: this.#heard },
    });
  }

  #end(): void {
    this.#ended = true;
    this.host.release(this);
    if (this.#onEnd !== undefined) {
      for (const undo of this.#onEnd) {
        undo();
      }
      this.#onEnd = undefined;
    }
  }

  /** Calls `undo` when it has ended. */
  onEnd(undo: () => void): void {
    if (this.#ended) {
      undo();
    } else {
      this.#onEnd ??= [];
      this.#onEnd.push(undo);
    }
  }

  #tellOver(reason: unknown): void {
    this.#over ??= { reason };
    const listening = this.#onOver;
    this.#onOver = undefined;
    if (typeof listening === "function") {
      listening(reason);
      return;
    }
    for (const listener of listening ?? []) {
      listener(reason);
    }
  }

  onOver(listener: (reason: unknown) => void): () => void {
    if (this.#over !== undefined) {
      listener(this.#over.reason);
      return () => {};
    }
    if (this.#onOver === undefined) {
      this.#onOver = listener;
    } else if (typeof this.#onOver === "function") {
      this.#onOver = new Set([this.#onOver, listener]);
    } else {
      this.#onOver.add(listener);
    }
    return () => {
      if (this.#onOver === listener) {
        this.#onOver = undefined;
      } else if (typeof this.#onOver === "object") {
        this.#onOver.delete(listener);
      }
    };
  }
}

/** The head of the last response: those that one answerer gives on one channel have it in common. */
let lastHead: WaveHead | undefined;

function headOf(channel: string, source: string, sourceId: string, halfLifeMs: number, bytes: number): WaveHead {
  const head = lastHead;
  if (
    head?.channel === channel &&
    head.origin.sourceId === sourceId &&
    head.origin.source === source &&
    head.halfLifeMs === halfLifeMs &&
    head.bytes === bytes
  ) {
    return head;
  }
  lastHead = { channel, kind: "response", origin: { source, sourceId }, halfLifeMs, bytes };
  return lastHead;
}

/** The response wave that `answer` makes to `query`: one hop further, as loud as the query still is. */
function responseTo(query: Wave, { by, byId, payload }: Answer, moment: Moment): Wave {
  const { id, key } = query;
  return new Wave({
    id: `${id}?${byId}`,
    head: headOf(query.channel, by, byId, query.halfLifeMs, weigh(payload)),
    payload,
    amplitude: query.amplitudeAt(moment.at),
    moment: query.surroundings === moment.surroundings ? moment : { at: moment.at, surroundings: query.surroundings },
    lineage: { hops: query.hops + 1, cause: id, trace: query.trace },
    extras: key === undefined ? undefined : { key },
  });
}
