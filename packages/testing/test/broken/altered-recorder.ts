/** The in-process medium with a memory, with one thing changed about its recorder. */

import type { Custody, Follower, Following, From, Link, Medium, MediumEvents, Recorder, Wave } from "@aether/core";
import { remembering } from "../lawful/remembering.ts";
import { passedRecorder } from "./passed-recorder.ts";

/** What is changed; the rest is passed on. */
export interface RecorderAlterations {
  readonly recorder?: (recorder: Recorder, link: Link) => Partial<Recorder>;
  readonly follow?: (
    follower: Follower,
    from: From,
    next: (follower: Follower, from: From) => Promise<Following>,
  ) => Promise<Following>;
  readonly link?: (link: Link) => Partial<Link>;
}

/** A medium with a memory, with the changes that `alter` makes. */
export function alteredRecorder(alter: RecorderAlterations, medium: Medium = remembering()): Medium {
  const open = async (events: MediumEvents): Promise<Link> => {
    const link = await medium.open(events);
    const { recorder } = link;
    if (recorder === undefined) {
      return link;
    }
    const next = (follower: Follower, from: From): Promise<Following> => recorder.follow(follower, from);
    const passed: Recorder = {
      ...passedRecorder(recorder),
      follow: (follower, from) => alter.follow?.(follower, from, next) ?? next(follower, from),
      deadLetters: recorder.deadLetters,
      snapshots: recorder.snapshots,
    };
    return { ...link, recorder: { ...passed, ...alter.recorder?.(passed, link) }, ...alter.link?.(link) };
  };
  return { ...medium, open };
}

/** `follower` that is handed waves as `take` says, and wants as many as `wanted` says. */
export function disguisedFollower(
  follower: Follower,
  disguise: {
    readonly take?: (wave: Wave, custody: Custody, next: (wave: Wave, custody: Custody) => void) => void;
    readonly wanted?: () => number;
    readonly presence?: Partial<Follower["presence"]>;
  },
): Follower {
  const next = (wave: Wave, custody: Custody): void => follower.take(wave, custody);
  return {
    presence: { ...follower.presence, ...disguise.presence },
    get wanted() {
      return disguise.wanted?.() ?? follower.wanted;
    },
    take: (wave, custody) => (disguise.take ? disguise.take(wave, custody, next) : next(wave, custody)),
    malformed: (count) => follower.malformed(count),
  };
}
