/** Connecting: what an aether may be asked to be, checked, and the parts that its vibrators will work with. */

import { type Clock, systemClock, timekeeper } from "../clock.ts";
import { AetherError, expected } from "../errors.ts";
import { inProcess } from "../medium/in-process.ts";
import type { Link, Medium } from "../medium/medium.ts";
import type { Recording } from "../medium/recording.ts";
import { type PhysicsOptions, physicsOf } from "../physics/physics.ts";
import { assertPattern, channelLengthOf } from "../wave/channel-name.ts";
import { Ids, type Random, systemRandom } from "../wave/ids.ts";
import type { Reflection } from "../wave/reflection.ts";
import { Causality } from "./causality.ts";
import { Contracts } from "./contracts.ts";
import { Deadlines } from "./deadlines.ts";
import type { AdmissionLimits } from "./emitting/admission.ts";
import { DeadLetterBox, type DeadLetterOptions, deadLetterSettings } from "./failures/dead-letter-box.ts";
import { DeadNotices } from "./failures/dead-notices.ts";
import { MemoryDeadLetters } from "./failures/memory-dead-letters.ts";
import { Reemission } from "./failures/reemission.ts";
import { Returns } from "./failures/returns.ts";
import { Interceptors } from "./interceptors.ts";
import { Observers } from "./observers.ts";
import { assertKnown, wholeOf } from "./options.ts";
import type { Handling } from "./receiving/handling.ts";
import { Places } from "./receiving/places.ts";
import { Pump } from "./receiving/pump.ts";
import { TickTime } from "./tick-time.ts";
import type { VibratorParts } from "./vibrator.ts";

/** Options of `Aether.connect`. */
export interface AetherOptions {
  /** What carries the waves. Default: an in-process medium of its own. */
  readonly medium?: Medium | undefined;
  /** The settings of the laws; `false` switches every law off, but for the hop limit. */
  readonly physics?: PhysicsOptions | false | undefined;
  readonly limits?:
    | {
        /** Most bytes of a payload. Default 1 MiB. */
        readonly maxPayloadBytes?: number | undefined;
        /** Longest channel name, 1..200. Default 128. */
        readonly maxChannelLength?: number | undefined;
        /** Most resonances that are open at a time, of all its vibrators and of `observe`. Default 1,048,576. */
        readonly maxResonances?: number | undefined;
      }
    | undefined;
  /** Names of the sources that may emit and are heard; default: all. */
  readonly allowedSources?: readonly string[] | undefined;
  /**
   * `"implicit"` (default): what a handler emits by any vibrator is caused by the wave it handles. `"explicit"`: only
   * what it emits by its context, or with `cause`; cheaper, for it taxes no await.
   */
  readonly causality?: "implicit" | "explicit" | undefined;
  /** How payloads go inside the process: by reference (default), frozen, or through the codec as over a network. */
  readonly payloads?: "reference" | "frozen" | "codec" | undefined;
  /**
   * How waves that failed for good are kept, in memory; `false`: not at all. Default: the last 1000. Those of recorded
   * waves are kept by the recorder, if it does, within bounds of its own.
   */
  readonly deadLetters?: DeadLetterOptions | false | undefined;
  readonly clock?: Clock | undefined;
  /** Numbers from 0 up to 1, for ids and jitter. Default: the platform's secure randomness. */
  readonly random?: Random | undefined;
  /** Makes the medium durable: what `openJournal` of the journal package gives. */
  readonly journal?: Recording | undefined;
  /** Patterns of channels whose waves are kept until they are handled. Needs a journal, or a medium that records. */
  readonly recorded?: readonly string[] | undefined;
}

/** What an open connection consists of. */
export interface Connected {
  readonly parts: VibratorParts;
  /** Called when somebody, anywhere, began or ended to resonate. */
  readonly onInterest: Set<() => void>;
  readonly onClose: Set<() => void>;
  /** What is being emitted again may take `patienceMs`. */
  close(patienceMs: number): Promise<void>;
}

const KNOWN: { readonly [K in keyof Required<AetherOptions>]: true } = {
  medium: true,
  physics: true,
  limits: true,
  allowedSources: true,
  causality: true,
  payloads: true,
  deadLetters: true,
  clock: true,
  random: true,
  journal: true,
  recorded: true,
};
const DEFAULT_MAX_PAYLOAD = 1024 * 1024;
const DEFAULT_MAX_RESONANCES = 2 ** 20;
/** One storage for the process: a handler of one aether may emit by a vibrator of another. */
const causality = new Causality<Handling>();

function limitsOf(options: AetherOptions): AdmissionLimits {
  const { limits = {}, allowedSources, payloads = "reference" } = options;
  assertKnown(limits, { maxPayloadBytes: true, maxChannelLength: true, maxResonances: true }, "limits");
  if (payloads !== "reference" && payloads !== "frozen" && payloads !== "codec") {
    throw expected("payloads", "reference, frozen or codec", payloads);
  }
  const isList = Array.isArray(allowedSources) && allowedSources.every((source) => typeof source === "string");
  if (allowedSources !== undefined && !isList) {
    throw expected("allowedSources", "an array of vibrator names", allowedSources);
  }
  return {
    maxPayloadBytes: wholeOf("limits.maxPayloadBytes", limits.maxPayloadBytes ?? DEFAULT_MAX_PAYLOAD, 1),
    maxChannelLength: channelLengthOf(limits.maxChannelLength),
    allowedSources: allowedSources === undefined ? undefined : new Set<string>(allowedSources),
    payloads,
  };
}

/** The medium that is asked for, with the journal over it. */
function mediumOf({ medium = inProcess(), journal }: AetherOptions): Medium {
  if (typeof medium?.open !== "function") {
    throw expected("medium", "a medium, such as inProcess() gives", medium);
  }
  if (journal !== undefined && typeof journal?.over !== "function") {
    throw expected("journal", "a journal, such as openJournal() of @aether/journal gives", journal);
  }
  return journal === undefined ? medium : journal.over(medium);
}

/** The patterns that are to be recorded, checked. */
function recordedOf(recorded: unknown, medium: Medium, maxLength: number): readonly string[] {
  if (recorded === undefined) {
    return [];
  }
  if (!Array.isArray(recorded)) {
    throw expected("recorded", "an array of patterns", recorded);
  }
  const patterns = recorded.map((pattern: unknown) => {
    assertPattern(pattern, maxLength);
    return pattern;
  });
  if (!medium.traits.durable) {
    throw new AetherError(
      "AETHER_UNSUPPORTED",
      `Expected a journal or a medium that records, such as JetStream, for \`recorded\`, got the medium "${medium.name}" without a journal`,
      { details: { option: "recorded" } },
    );
  }
  return patterns;
}

/** Declares what this aether wants recorded; without success the link is closed again. */
async function declareOn(link: Link, patterns: readonly string[]): Promise<void> {
  try {
    await link.recorder?.declare(patterns);
  } catch (error) {
    await link.close();
    throw error;
  }
}

function isClock(clock: Clock): boolean {
  return typeof clock?.now === "function" && typeof clock?.monotonic === "function";
}

/** Joins the medium that `options` name. `findVibrator` finds an instance of this aether by its id. */
export async function connect(
  options: AetherOptions,
  findVibrator: (instance: string) => { reflected(reflection: Reflection): void } | undefined,
): Promise<Connected> {
  assertKnown(options, KNOWN, "Aether.connect");
  const { random = systemRandom, causality: mode = "implicit" } = options;
  if (mode !== "implicit" && mode !== "explicit") {
    throw expected("causality", "implicit or explicit", mode);
  }
  const medium = mediumOf(options);
  if (typeof random !== "function") {
    throw expected("random", "a function that gives numbers from 0 up to 1", random);
  }
  const physics = physicsOf(options.physics);
  const limits = limitsOf(options);
  const recorded = recordedOf(options.recorded, medium, limits.maxChannelLength);
  const letters = deadLetterSettings(options.deadLetters);
  if (options.clock !== undefined && !isClock(options.clock)) {
    throw expected("clock", "an object with functions `now` and `monotonic`", options.clock);
  }
  const clock = options.clock === undefined ? systemClock : timekeeper(options.clock);
  const observers = new Observers();
  const onInterest = new Set<() => void>();
  const onClose = new Set<() => void>();
  const time = new TickTime(clock, physics);
  const link = await medium.open({
    connected: () => observers.connected.tell({ medium: medium.name }),
    disconnected: (reason) => observers.disconnected.tell({ medium: medium.name, reason }),
    interest: () => {
      for (const listener of [...onInterest]) {
        listener();
      }
    },
    reflected: (reflection) => findVibrator(instanceOf(reflection))?.reflected(reflection),
    moment: () => time.moment,
  });
  if (recorded.length > 0) {
    await declareOn(link, recorded);
  }
  const deadlines = new Deadlines(clock);
  const leaveCausality = mode === "implicit" ? causality.open() : undefined;
  const ids = new Ids(random);
  const contracts = new Contracts();
  const reemission = new Reemission({ link, physics, limits, time, ids, observers, deadlines, contracts });
  const store = letters && new MemoryDeadLetters(letters.capacity);
  const parts: VibratorParts = {
    link,
    traits: medium.traits,
    physics,
    limits,
    clock,
    time,
    random,
    ids,
    deadlines,
    observers,
    contracts,
    places: new Places(wholeOf("limits.maxResonances", options.limits?.maxResonances ?? DEFAULT_MAX_RESONANCES, 1)),
    deadLetters: new DeadLetterBox(
      {
        memory: store,
        durable: store && link.recorder?.deadLetters,
        ...{ minAmplitude: letters?.minAmplitude ?? 0, clock, ids, observers },
        notices: new DeadNotices({ link, ids, time }),
      },
      reemission,
    ),
    interceptors: new Interceptors(),
    causality: mode === "implicit" ? causality : undefined,
    pump: new Pump(time),
    returns: new Returns(link, physics, clock),
  };
  return {
    parts,
    onInterest,
    onClose,
    close: async (patienceMs) => {
      for (const listener of [...onClose]) {
        listener();
      }
      await reemission.drain(patienceMs);
      reemission.close();
      await link.close();
      deadlines.close();
      leaveCausality?.();
    },
  };
}

/** The instance that a reflection goes back to: what follows `$reflection.` in its channel. */
function instanceOf(reflection: Reflection): string {
  return reflection.channel.slice(reflection.channel.indexOf(".") + 1);
}
