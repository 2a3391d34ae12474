/** Streams beside that of the waves: made by whoever comes first, and taken as they are by everybody else. */

import type { StreamConfig, StreamInfo } from "@nats-io/jetstream";
import { isMissing, isTaken, type Managed, managed } from "./management.ts";

/** How a stream is made. */
export type NamedConfig = Partial<StreamConfig> & { readonly name: string };

/** The stream of `config`, which is made when it is not there. */
export async function madeStream(config: NamedConfig, parts: Managed): Promise<StreamInfo> {
  for (;;) {
    const info = await streamInfo(config.name, parts);
    if (info !== undefined) {
      return info;
    }
    try {
      return await managed(parts, ({ streams }) => streams.add(config));
    } catch (error) {
      if (!isTaken(error)) {
        throw error;
      }
    }
  }
}

/** What the server says of stream `name`; `undefined`: it is not there. */
export async function streamInfo(name: string, parts: Managed): Promise<StreamInfo | undefined> {
  try {
    return await managed(parts, ({ streams }) => streams.info(name));
  } catch (error) {
    if (isMissing(error)) {
      return undefined;
    }
    throw error;
  }
}
