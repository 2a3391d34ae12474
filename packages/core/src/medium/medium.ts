/** The contract of a medium: what carries waves between vibrators. docs/writing-a-medium.md explains it to outsiders. */

import type { Reflection } from "../wave/reflection.ts";
import type { Moment, Wave } from "../wave/wave.ts";
import type { Presence } from "./presence.ts";
import type { Recorder } from "./recorder.ts";

export type { Presence };

/** Physical facts about a medium, which the runtime and the conformance suite read. Declared, never guessed. */
export interface Traits {
  /** Waves reach vibrators in other processes. */
  readonly crossProcess: boolean;
  /** It can keep waves until they are handled: its links have a `recorder`. */
  readonly durable: boolean;
  /** `propagate` tells how many groups a wave has reached. */
  readonly acknowledges: boolean;
  /** Waves of one source, channel and band arrive in the order they were emitted in. */
  readonly ordered: boolean;
  /** A wave may arrive more than once. */
  readonly duplicates: boolean;
  /** Payloads are handed over as they are, not copied. */
  readonly byReference: boolean;
  /** A listener that is ready is heard from everywhere, at once. */
  readonly readyClusterWide: boolean;
}

/** What became of a wave at one listener. */
export type Uptake = "refused" | "admitted" | "crowded";

/**
 * Waves for {@link Listener.receiveRun}. With `sound` whoever made the run has asked each of them whether it is
 * `plain`; without it the listener looks at each.
 */
export type Run = readonly Wave[] & { readonly sound?: true };

/** One resonance, as a medium sees it. */
export interface Listener {
  readonly presence: Presence;
  /** Sees copies and takes no part: it joins no group and is no receiver of anything. */
  readonly observes: boolean;
  /** Whether its inbox has no room: a member of its group that has room is preferred. */
  readonly full: boolean;
  /** Whether `wave` would pass its gate: a member of its group that hears it is preferred. */
  hears(wave: Wave): boolean;
  /** Whether waves go around it while it is in trouble; false: nobody asks {@link opaqueTo}. docs/physics.md §9. */
  readonly diffracts: boolean;
  /**
   * Whether `wave` should go to another member of its group: too many runs have failed here, or there is too much to
   * do. Asking changes nothing. Once in a while it says no so that a wave may find out how things are.
   */
  opaqueTo(wave: Wave): boolean;
  /**
   * Waves of lower bands it does not want to be handed: the medium keeps them away where it can.
   * 0: it wants everything. Changes are told by `pressure`.
   */
  readonly lowestBand: number;
  /**
   * Whether others of its group are to have what it would hear, for a while: a medium that can offers it nothing then. What
   * reaches it all the same it takes. Changes are told by `pressure`. Default: false.
   */
  readonly aside?: boolean;
  /** Whether its lowest band may change: a medium that filters by band prepares for that. */
  readonly adapts: boolean;
  /**
   * Counts a wave below its lowest band that the medium has kept away from it: as received and refused, which the
   * emitter of a command or query is told. For media that know of such a wave.
   */
  filtered(wave: Wave): void;
  /** Takes a wave. `"crowded"`: taken, and its inbox is over half full. Never throws, never runs a handler. */
  receive(wave: Wave): Uptake;
  /**
   * Something came for it that was no wave, such as bytes that are damaged: it counts `count` (default 1) received and
   * as many absorbed as `malformed`. Never throws.
   */
  malformed(count?: number): void;
  /** Resolves when the inbox has room again. */
  room(): Promise<void>;
  /**
   * Plain waves of this band and louder ones are taken in any case, so a medium may hand them over in runs. 8, which
   * no wave has: it looks at each, as it does while its inbox is over half full. Changes are told by `pressure`.
   */
  readonly openBand: number;
  /** Most hops of a wave in a run. */
  readonly runHops: number;
  /** Most waves of one run. */
  readonly runWaves: number;
  /** Most bytes of one run. */
  readonly runBytes: number;
  /**
   * Takes the plain waves `from` up to `to`, not included, in their order. With `mayHandle`, which is for calls outside
   * the call stack of any emitter, handlers may run at once; without it the waves only enter the inbox.
   */
  receiveRun(waves: Run, from: number, to: number, mayHandle: boolean): void;
}

/** What a medium tells about itself. */
export interface MediumEvents {
  connected(): void;
  disconnected(reason: unknown): void;
  /** Somebody, anywhere, began or ended to resonate. */
  interest(): void;
  /** A wave came back to a vibrator, which may be one of this link. */
  reflected(reflection: Reflection): void;
  /** This moment, under the laws and on the clock of the aether that opened the link: when a wave arrives. */
  moment(): Moment;
}

/**
 * Carries waves. Its guarantees, each of which is one test of the conformance suite:
 *
 * - a wave reaches a listener whose pattern covers its channel
 * - a wave does not reach a listener whose pattern does not cover its channel
 * - a pattern means the same as in `matches`
 * - a listener hears every wave that is propagated after it is ready
 * - a listener hears nothing after it is closed
 * - a wave reaches one member of each group
 * - a group's members share the work
 * - listeners of one group under different names share nothing
 * - a member that has room is preferred to one that is full
 * - a member that hears a wave is preferred to one that does not
 * - what a member that left would have heard goes to the rest of its group
 * - a member in trouble is passed over while another is not
 * - a wave that goes around a member is quieter by half
 * - a group in which every member is in trouble hears every wave all the same
 * - a command that a member refuses is offered to the next, and to none twice
 * - a query that is sent again goes to nobody who had it
 * - a listener without a group hears every wave
 * - a broadcast reaches every member of every group
 * - a wave that names its receiver reaches nobody else
 * - an observer sees every wave and takes it from nobody
 * - an observer counts as nobody
 * - a wave arrives unchanged, unless it goes around a member
 * - a wave arrives once
 * - waves of one source, channel and band arrive in order
 * - propagate tells how many groups were reached
 * - a refused wave counts as not reached
 * - a wave that nobody hears is no error
 * - a wave of a wanted band is never kept away
 * - a band that is wanted again is heard again
 * - a wave of an unwanted band comes to its listener once or is told to it once
 * - a wave of an unwanted band counts as not reached
 * - a member that wants a wave's band is preferred to one that does not
 * - a command of a band that nobody wants comes back refused
 * - a crowded listener slows its emitter
 * - room is told once every group has it
 * - a command's way back reaches its emitter
 * - a query's answers reach its emitter
 * - whatever a hearer tells of a command reaches its emitter
 * - a hearer knows how long the emitter waits
 * - a reflection reaches the link of its emitter
 * - listeners are known by their presence
 * - interest tells of listeners that come and go
 * - heard tells whether somebody resonates on a channel
 * - no handler runs inside the call stack of propagate
 * - a run holds only waves that its listener takes without a look
 * - a run is no longer than its listener takes at once
 * - waves that may be handled at once are of one band
 * - opening a link tells that it is connected
 * - links of one medium hear each other
 * - closing a link silences its listeners
 * - closing a link leaves the others open
 * - a wave that was carried arrives although its link closes
 * - a link that is closing refuses as a closed one does
 * - a closed link refuses with AETHER_CLOSED
 * - closing twice is closing once
 */
export interface Medium {
  /** Short name for logs and stats, such as `"in-process"`. */
  readonly name: string;
  readonly traits: Traits;
  /** Joins the medium. Each call gives a link of its own; links of one medium hear each other. */
  open(events: MediumEvents): Promise<Link>;
}

/** An aether's connection to a medium. */
export interface Link {
  /** What keeps waves until they are handled; there when the medium's trait `durable` is. */
  readonly recorder?: Recorder | undefined;
  /** The way out for waves of `channel`, to be kept by those who emit on it again. */
  outlet(channel: string): Outlet;
  /** Carries `reflection` back to the vibrator instance whose wave it was, wherever that is. Never throws. */
  reflect(reflection: Reflection): void;
  /** Resolves when the medium has confirmed `listener`: a wave propagated after that is heard. */
  resonate(listener: Listener): Promise<Tuning>;
  /** `undefined`: every group that hears `channel` has room. A promise: ask again when it has resolved. */
  room(channel: string): Promise<void> | undefined;
  /** Who resonates, as far as this link knows, observers left out. */
  present(): Iterable<Presence>;
  /** Whether somebody resonates on `channel`, as far as this link knows. */
  heard(channel: string): boolean;
  /** Silences this link's listeners and leaves the medium. */
  close(): Promise<void>;
}

/** Where the waves of one channel enter a medium. */
export interface Outlet {
  /**
   * Carries `wave` to those who resonate on its channel. Gives the number of groups that take it, where the medium
   * knows it. A promise means: slow down, and go on when it has resolved. Commands and queries carry their way back
   * in `wave.exchange`. Throws or rejects with `AETHER_CLOSED` when the link is closed.
   */
  propagate(wave: Wave): number | undefined | Promise<number | undefined>;
}

/** A listener's place in the medium. */
export interface Tuning {
  /**
   * Tells that {@link Listener.openBand}, {@link Listener.lowestBand} or {@link Listener.aside} has changed, for the listener has become more
   * or less loaded.
   */
  pressure(): void;
  /** Ends it: resolves when nothing more will be received. */
  close(): Promise<void>;
}
