/** Subjects: under which names waves of a namespace travel. docs/wire-format.md lists them. */

import { BANDS } from "@aether/core";
import { expected } from "./expected.ts";

/** What a subject carries: `w` events, `b` broadcasts, `q` requests, `o` copies of requests, `r` recorded waves. */
export type SubjectClass = "w" | "b" | "q" | "o" | "r";

const LONGEST_NAMESPACE = 32;

/** First tokens that clients and servers of NATS use for themselves. */
const TAKEN = new Set(["_INBOX", "_R_", "_GR_"]);

/** `namespace` if it may begin a subject: 1 to 32 of `A-Z a-z 0-9 _ -`. Throws `AETHER_BAD_OPTION`. */
export function namespaceOf(namespace: unknown): string {
  if (typeof namespace !== "string" || namespace.length > LONGEST_NAMESPACE || !isToken(namespace)) {
    throw expected("namespace", `1 to ${LONGEST_NAMESPACE} characters of A-Z a-z 0-9 _ -`, namespace);
  }
  if (TAKEN.has(namespace)) {
    throw expected("namespace", "a name of your own, for NATS uses this one itself", namespace);
  }
  return namespace;
}

function isToken(text: string): boolean {
  return text.length > 0 && everyUnit(text, isTokenUnit);
}

function everyUnit(text: string, test: (code: number) => boolean): boolean {
  for (let at = 0; at < text.length; at++) {
    if (!test(text.charCodeAt(at))) {
      return false;
    }
  }
  return true;
}

function isTokenUnit(code: number): boolean {
  const isDigit = code >= 48 && code <= 57;
  const isLetter = (code >= 65 && code <= 90) || (code >= 97 && code <= 122);
  return isDigit || isLetter || code === 95 || code === 45;
}

const HEX = 16;

/** `text` as one token: what a token may not hold is written as `=` and its code in hexadecimal digits. */
export function tokenOf(text: string): string {
  if (isToken(text)) {
    return text;
  }
  let token = "";
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    token += isTokenUnit(code) ? text.charAt(at) : `=${code.toString(HEX).padStart(4, "0")}`;
  }
  return token === "" ? "=" : token;
}

/** The subjects of one namespace. */
export class Subjects {
  readonly namespace: string;

  constructor(namespace: string) {
    this.namespace = namespace;
  }

  /** Where waves of `band` on `channel` go. */
  of(kind: SubjectClass, band: number, channel: string): string {
    return `${this.namespace}.${kind}.${band}.${channel}`;
  }

  /** What hears waves of every band on `pattern`. */
  all(kind: SubjectClass, pattern: string): string {
    return `${this.namespace}.${kind}.*.${pattern}`;
  }

  /** Where what is meant for one instance goes: answers, reflections. `rest` is one token. */
  instance(instance: string, rest: string): string {
    return `${this.namespace}.c.i.${tokenOf(instance)}.${rest}`;
  }

  /** Where links tell of themselves. */
  get presence(): string {
    return `${this.namespace}.c.p`;
  }

  /** Where links ask everybody who is there. */
  get roll(): string {
    return `${this.namespace}.c.r`;
  }

  /** Where links tell that the stream of recorded waves has changed. */
  get news(): string {
    return `${this.namespace}.c.s`;
  }

  /** Where servers answer clients. Tokens follow. */
  get inbox(): string {
    return `${this.namespace}.c.x`;
  }

  /** Where servers answer `link`, and hand recorded waves to it. Tokens follow. */
  replies(link: string): string {
    return `${this.namespace}.c.k.${tokenOf(link)}`;
  }

  /** Where dead letter `id` stands, of a wave on `channel`; with `*` and a pattern: where several stand. */
  letters(id: string, channel: string): string {
    return `${this.namespace}.d.${id}.${channel}`;
  }

  /** Where a mark on dead letter `id` stands. */
  mark(id: string): string {
    return `${this.namespace}.m.${id}`;
  }

  /** Where snapshots of one view stand; with `*` twice: where those of all do. */
  snapshots(vibrator: string, view: string): string {
    const tokens = [vibrator, view].map((name) => (name === "*" ? name : tokenOf(name)));
    return `${this.namespace}.v.${tokens.join(".")}`;
  }

  /** The letter that stands at `subject`, and the channel of its wave; `undefined` for any other. */
  readLetter(subject: string): { readonly id: string; readonly channel: string } | undefined {
    const prefix = `${this.namespace}.d.`;
    const end = subject.indexOf(".", prefix.length);
    return subject.startsWith(prefix) && end > 0
      ? { id: subject.slice(prefix.length, end), channel: subject.slice(end + 1) }
      : undefined;
  }

  /** The band and the channel of a subject that waves travel on; `undefined` for any other. */
  read(subject: string): { readonly band: number; readonly channel: string } | undefined {
    const bandAt = this.namespace.length + 3;
    const band = subject.charCodeAt(bandAt) - 48;
    if (!(band >= 0 && band < BANDS) || subject.charAt(bandAt + 1) !== ".") {
      return undefined;
    }
    return { band, channel: subject.slice(bandAt + 2) };
  }
}

/**
 * The queue name of a resonance: its group and its name, each as one token. A server deals each message to one member
 * of each queue *name*, whatever their patterns; nothing that a client could end a protocol line with gets in.
 */
export function queueOf(group: string, name: string): string {
  return `${tokenOf(group)}.${tokenOf(name)}`;
}
