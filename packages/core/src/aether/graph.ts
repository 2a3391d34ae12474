/** The graph: who resonates with whom, from what is heard and what was emitted. */

import type { Presence } from "../medium/medium.ts";
import { covers } from "../wave/pattern.ts";

/** A service and what it does. */
export interface GraphNode {
  /** Name of the vibrator. */
  readonly name: string;
  /** Ids of its instances. */
  readonly instances: readonly string[];
  /** Patterns it resonates on. */
  readonly resonates: readonly string[];
  /** Channels it has emitted on, as far as this aether saw. */
  readonly emits: readonly string[];
}

/** Waves of `from` on `channel` are heard by `to`. */
export interface GraphEdge {
  readonly from: string;
  readonly to: string;
  readonly channel: string;
  /** Waves emitted. */
  readonly waves: number;
}

/** Who resonates with whom. */
export interface Graph {
  readonly vibrators: readonly GraphNode[];
  readonly edges: readonly GraphEdge[];
}

/** Waves that one vibrator instance has emitted on one channel. */
export interface Emitted {
  readonly vibrator: string;
  readonly instance: string;
  readonly channel: string;
  readonly waves: number;
}

interface Draft {
  readonly instances: Set<string>;
  readonly resonates: Set<string>;
  readonly emits: Map<string, number>;
}

/** The graph of what is `present` and what was `emitted`. */
export function graphOf(present: Iterable<Presence>, emitted: Iterable<Emitted>): Graph {
  const drafts = new Map<string, Draft>();
  const draftOf = (name: string): Draft => {
    const known = drafts.get(name) ?? { instances: new Set(), resonates: new Set(), emits: new Map() };
    drafts.set(name, known);
    return known;
  };
  for (const { vibrator, instance, pattern } of present) {
    const draft = draftOf(vibrator);
    draft.instances.add(instance);
    draft.resonates.add(pattern);
  }
  for (const { vibrator, instance, channel, waves } of emitted) {
    const draft = draftOf(vibrator);
    draft.instances.add(instance);
    draft.emits.set(channel, (draft.emits.get(channel) ?? 0) + waves);
  }
  const edges: GraphEdge[] = [];
  for (const [from, { emits }] of drafts) {
    for (const [channel, waves] of emits) {
      for (const [to, { resonates }] of drafts) {
        if ([...resonates].some((pattern) => covers(pattern, channel))) {
          edges.push({ from, to, channel, waves });
        }
      }
    }
  }
  const vibrators = [...drafts].map(([name, { instances, resonates, emits }]) => ({
    name,
    instances: [...instances],
    resonates: [...resonates],
    emits: [...emits.keys()],
  }));
  return { vibrators, edges };
}
