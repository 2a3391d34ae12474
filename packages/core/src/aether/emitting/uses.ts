/** Uses: the channels that one vibrator has emitted on, each checked once and kept with its way out. */

import { AetherError } from "../../errors.ts";
import type { Link, Outlet } from "../../medium/medium.ts";
import type { Recorder } from "../../medium/recorder.ts";
import type { Physics } from "../../physics/physics.ts";
import type { ResendBudget } from "../../physics/resend.ts";
import { Channel } from "../../wave/channel.ts";
import { assertChannelName } from "../../wave/channel-name.ts";
import { REFERENCE_BYTES } from "../../wave/codec.ts";
import { Recent } from "../../wave/recent.ts";
import type { Origin, WaveHead } from "../../wave/wave.ts";
import type { Contracts } from "../contracts.ts";
import { type AdmissionLimits, assertSource } from "./admission.ts";
import { halfLifeOn } from "./propagation.ts";

/** What uses need of an aether. */
export interface UsesParts {
  readonly link: Link;
  readonly limits: AdmissionLimits;
  readonly physics: Physics;
  readonly contracts: Contracts;
}

/** A channel that was emitted on before. It is the head of all waves on it that ask for nothing else. */
export interface Use extends WaveHead {
  readonly contract: Channel | undefined;
  readonly outlet: Outlet;
  /** What keeps its waves, should its channel be recorded. */
  readonly recorder: Recorder | undefined;
  /** Whether its channel is known to be recorded: then it stays so. */
  recorded: boolean;
  emitted: number;
  /** Settles when the emits before have left that wait for their schema: others on the channel leave after them. */
  tail: Promise<void> | undefined;
  /** What may be sent again; made when it is first asked for. */
  resends: ResendBudget | undefined;
}

/** Why a channel that is to be recorded is refused. */
export function cannotRecord(channel: string): AetherError {
  return new AetherError(
    "AETHER_UNSUPPORTED",
    `Expected a medium that can record for "${channel}", got one that cannot: connect with a journal or over JetStream, or take \`recorded\` off the channel`,
    { details: { channel } },
  );
}

/** Channels that one vibrator remembers. */
const MOST_CHANNELS = 4096;

/** The channels of one vibrator; none any more once it is closed. */
export class Uses {
  readonly #parts: UsesParts;
  readonly #origin: Origin;
  /** By name for plain names, by contract for contracts. */
  readonly #known = new Recent<string | Channel, Use>(MOST_CHANNELS);
  #last: Use | undefined;
  #lastKey: string | Channel | undefined;
  #closed = false;

  constructor(parts: UsesParts, origin: Origin) {
    this.#parts = parts;
    this.#origin = origin;
  }

  /**
   * The channel as it was used before; a new one is checked first. Throws `AETHER_CLOSED`, `AETHER_BAD_CHANNEL`,
   * `AETHER_UNAUTHORISED` or `AETHER_UNSUPPORTED`.
   */
  of(channel: string | Channel): Use {
    this.assertOpen();
    if (channel === this.#lastKey && this.#last !== undefined) {
      return this.#last;
    }
    const use = this.#known.get(channel) ?? this.#new(channel);
    this.#last = use;
    this.#lastKey = channel;
    return use;
  }

  #new(channel: string | Channel): Use {
    const { limits, link, physics, contracts } = this.#parts;
    const contract = channel instanceof Channel ? channel : undefined;
    const name: unknown = contract === undefined ? channel : contract.name;
    assertChannelName(name, limits.maxChannelLength);
    assertSource(this.#origin.source, limits);
    const { recorder } = link;
    if (contract?.recorded && recorder === undefined) {
      throw cannotRecord(name);
    }
    const recorded = recorder?.records(name) === true;
    const lasts = recorded && contract?.halfLifeMs === undefined;
    const use: Use = {
      channel: name,
      outlet: link.outlet(name),
      recorder,
      recorded,
      emitted: 0,
      tail: undefined,
      resends: undefined,
      kind: contract?.kind ?? "event",
      halfLifeMs: lasts ? Number.POSITIVE_INFINITY : halfLifeOn(contract, undefined, physics),
      bytes: REFERENCE_BYTES,
      origin: this.#origin,
      // Emits are checked step by step: what comes of one is a wave.
      sound: true,
      contract,
    };
    this.#known.set(channel, use);
    if (contract !== undefined) {
      contracts.emits(contract);
    }
    return use;
  }

  /** The channels emitted on, with how many waves, as far as they are remembered. */
  *channels(): Iterable<{ readonly channel: string; readonly waves: number }> {
    for (const { channel, emitted } of this.#known.values()) {
      if (emitted > 0) {
        yield { channel, waves: emitted };
      }
    }
  }

  /** Throws `AETHER_CLOSED` once the vibrator is closed. */
  assertOpen(): void {
    if (this.#closed) {
      throw this.closedError();
    }
  }

  closedError(): AetherError {
    return new AetherError(
      "AETHER_CLOSED",
      `Expected an open vibrator, got "${this.#origin.source}" after it was closed`,
    );
  }

  /** Refuses every channel from now on. */
  close(): void {
    this.#closed = true;
  }
}
