/** Parts: the beat of a link with more listeners than one message holds, told in several and put together again. */

import { type Beat, type BeatPart, MOST_PARTS, type Present } from "./roll.ts";

/** Links of which some parts are known and others are not. */
const MOST_UNFINISHED = 256;
/** Bytes of everything in a part but its listeners. */
const ROOM = 512;

/** `beat` as JSON, in as many texts as it takes to keep each below `mostBytes`. */
export function inParts(beat: Beat, mostBytes: number): readonly string[] {
  const { listeners, ...head } = beat;
  const parts: string[][] = [[]];
  let bytes = 0;
  for (const listener of listeners) {
    const text = JSON.stringify(listener);
    bytes += Buffer.byteLength(text) + 1;
    if (bytes > mostBytes - ROOM && parts.at(-1)?.length !== 0) {
      parts.push([]);
      bytes = Buffer.byteLength(text) + 1;
    }
    parts.at(-1)?.push(text);
  }
  const told = parts.slice(0, MOST_PARTS);
  return told.map((texts, part) => {
    const numbers = told.length === 1 ? {} : { part, parts: told.length };
    const start = JSON.stringify({ ...head, ...numbers }).slice(0, -1);
    return `${start},"listeners":[${texts.join(",")}]}`;
  });
}

interface Unfinished {
  readonly revision: number;
  readonly heard: Map<number, readonly Present[]>;
}

/** Puts beats together whose parts have been heard. */
export class BeatParts {
  readonly #unfinished = new Map<string, Unfinished>();

  /** The whole beat, once its last part is there. */
  whole({ beat, part, parts }: BeatPart): Beat | undefined {
    const { link, revision } = beat;
    if (parts === 1) {
      this.#unfinished.delete(link);
      return beat;
    }
    const known = this.#unfinished.get(link);
    if (known !== undefined && known.revision > revision) {
      return undefined;
    }
    const heard = known?.revision === revision ? known.heard : new Map<number, readonly Present[]>();
    heard.set(part, beat.listeners);
    if (heard.size < parts) {
      this.#remember(link, { revision, heard });
      return undefined;
    }
    this.#unfinished.delete(link);
    return { ...beat, listeners: Array.from({ length: parts }, (_, at) => heard.get(at) ?? []).flat() };
  }

  #remember(link: string, unfinished: Unfinished): void {
    const [oldest] = this.#unfinished.keys();
    if (oldest !== undefined && this.#unfinished.size >= MOST_UNFINISHED && !this.#unfinished.has(link)) {
      this.#unfinished.delete(oldest);
    }
    this.#unfinished.set(link, unfinished);
  }
}
