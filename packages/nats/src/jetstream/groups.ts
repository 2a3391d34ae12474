/** Groups: who has a place in the record, how far they are, and how they are forgotten. */

import type { RecordedGroup } from "@aether/core";
import type { ConsumerInfo } from "@nats-io/jetstream";
import { isMissing, type Managed, managed } from "./management.ts";
import { type PlaceName, placeNameOf } from "./names.ts";
import { positionOf } from "./position.ts";
import type { RecordStream } from "./record-stream.ts";

/** What groups are read with. */
export interface GroupParts extends Managed {
  readonly stream: RecordStream;
}

/** A place with its bands. */
interface Standing {
  readonly place: PlaceName;
  readonly bands: readonly ConsumerInfo[];
}

/** The groups that have a place. */
export async function groupsOf(parts: GroupParts): Promise<readonly RecordedGroup[]> {
  const info = await parts.stream.read();
  const { epoch } = parts.stream;
  if (info === undefined || epoch === undefined) {
    return [];
  }
  return (await standings(parts)).map(({ place, bands }) => {
    const handled = handledOf(bands);
    return {
      ...place,
      position: handled === 0 ? undefined : positionOf(epoch, handled),
      pending: bands.reduce((sum, { num_pending, num_ack_pending }) => sum + num_pending + num_ack_pending, 0),
    };
  });
}

/** Forgets the places of a group's resonance, whatever their pattern. */
export async function dropGroup(group: string, name: string, parts: GroupParts): Promise<void> {
  for (const { place, bands } of await standings(parts)) {
    if (place.group === group && place.name === name) {
      await Promise.all(bands.map((band) => forget(band.name, parts)));
    }
  }
}

async function forget(durable: string, parts: GroupParts): Promise<void> {
  try {
    await managed(parts, ({ consumers }) => consumers.delete(parts.stream.name, durable));
  } catch (error) {
    if (!isMissing(error)) {
      throw error;
    }
  }
}

async function standings(parts: GroupParts): Promise<readonly Standing[]> {
  let infos: readonly ConsumerInfo[];
  try {
    infos = await managed(parts, async ({ consumers }) => {
      const found: ConsumerInfo[] = [];
      for await (const info of consumers.list(parts.stream.name)) {
        found.push(info);
      }
      return found;
    });
  } catch (error) {
    if (isMissing(error)) {
      return [];
    }
    throw error;
  }
  const byPlace = new Map<string, { readonly place: PlaceName; readonly bands: ConsumerInfo[] }>();
  for (const info of infos) {
    const place = placeNameOf(info.config.description);
    if (place !== undefined) {
      const key = JSON.stringify([place.group, place.name, place.pattern]);
      const known = byPlace.get(key) ?? { place, bands: [] };
      known.bands.push(info);
      byPlace.set(key, known);
    }
  }
  return [...byPlace.values()];
}

/**
 * Number of the last wave up to which everything is handled; 0: nothing. A band where nothing waits holds nobody up;
 * of the others the one that is the furthest behind counts.
 */
function handledOf(bands: readonly ConsumerInfo[]): number {
  const behind = bands.filter(({ num_pending, num_ack_pending }) => num_pending + num_ack_pending > 0);
  if (behind.length > 0) {
    return Math.min(...behind.map(({ ack_floor }) => ack_floor.stream_seq));
  }
  const handled = bands.filter(({ ack_floor }) => ack_floor.consumer_seq > 0);
  return Math.max(0, ...handled.map(({ ack_floor }) => ack_floor.stream_seq));
}
