/** Permissions: what a nats-server must allow, so that who may emit, resonate and how loud is decided there. */

import { BANDS, band, matches } from "@aether/core";
import { assertKnown, expected } from "./expected.ts";
import { lettersStreamOf, marksStreamOf, stateStreamOf, streamOf } from "./jetstream/names.ts";
import { namespaceOf, Subjects } from "./subjects.ts";

/** What one identity may do. What is not named is denied. */
export interface Identity {
  /** Name of the user on the server. */
  readonly user: string;
  /** Patterns of the channels that it may emit on. Default: none. */
  readonly emit?: readonly string[] | undefined;
  /** Patterns of the channels that it may resonate on. Default: none. */
  readonly resonate?: readonly string[] | undefined;
  /** Loudest amplitude that it may emit with, 0..1, rounded up to the end of its band. Default 1. */
  readonly maxAmplitude?: number | undefined;
  /**
   * Whether it may declare what is recorded, follow the record and read it, keep views of it, and see and emit again its
   * dead letters. That is the whole record: a server cannot tell whose place is whose. Default false; emitting on recorded channels takes no more than `emit`.
   */
  readonly record?: boolean | undefined;
}

/** Who may use a namespace, and how. */
export interface AllowList {
  /** Default `"aether"`. */
  readonly namespace?: string | undefined;
  readonly identities: readonly Identity[];
}

/** What one user may publish on and subscribe to. */
export interface Permissions {
  readonly user: string;
  readonly publish: readonly string[];
  readonly subscribe: readonly string[];
}

/** Bands of recorded waves: half as many. */
const RECORDED_BANDS = BANDS / 2;

/** The subjects that each identity of `list` needs. Throws `AETHER_BAD_OPTION` or `AETHER_BAD_CHANNEL`. */
export function permissionsOf(list: AllowList): readonly Permissions[] {
  assertKnown("the allow-list", list, { namespace: true, identities: true });
  if (!Array.isArray(list.identities)) {
    throw expected("identities", "an array", list.identities);
  }
  const subjects = new Subjects(namespaceOf(list.namespace ?? "aether"));
  return list.identities.map((identity) => permissionsFor(identity, subjects));
}

function permissionsFor(identity: Identity, subjects: Subjects): Permissions {
  assertKnown("an identity", identity, { user: true, emit: true, resonate: true, maxAmplitude: true, record: true });
  const { user, emit = [], resonate = [], maxAmplitude = 1, record = false } = identity;
  if (typeof user !== "string" || user === "") {
    throw expected("user", "a text", user);
  }
  if (!(maxAmplitude >= 0 && maxAmplitude <= 1)) {
    throw expected("maxAmplitude", "a number from 0 to 1", maxAmplitude);
  }
  if (typeof record !== "boolean") {
    throw expected("record", "true or false", record);
  }
  const loudest = band(maxAmplitude);
  const { namespace } = subjects;
  // Everybody tells of its presence, and answers whoever asked.
  const control = [`${namespace}.c.>`];
  return {
    user,
    publish: [
      ...control,
      ...recording(record, streamOf(namespace)),
      ...(record ? [...burying(subjects), ...remembering(subjects)] : []),
      ...emit.flatMap((pattern) => emitting(checked(pattern), loudest, subjects)),
      ...resonate.flatMap((pattern) => telling(checked(pattern), subjects)),
    ],
    subscribe: [...control, ...resonate.flatMap((pattern) => resonating(checked(pattern), subjects))],
  };
}

/** `pattern` if it is one. Throws `AETHER_BAD_CHANNEL`. */
function checked(pattern: string): string {
  matches(pattern, "any");
  return pattern;
}

/** Everybody reads what is recorded, so that waves on such channels go there. */
function recording(record: boolean, stream: string): readonly string[] {
  const info = `$JS.API.STREAM.INFO.${stream}`;
  const api = ["STREAM.CREATE", "STREAM.UPDATE", "STREAM.MSG.GET", "CONSUMER.LIST"].map(
    (name) => `$JS.API.${name}.${stream}`,
  );
  const places = ["CREATE", "DURABLE.CREATE", "INFO", "DELETE", "MSG.NEXT"].map(
    (name) => `$JS.API.CONSUMER.${name}.${stream}.>`,
  );
  // A reader has no name yet when it is made.
  const readers = `$JS.API.CONSUMER.CREATE.${stream}`;
  return record ? [info, ...api, readers, ...places, `$JS.ACK.${stream}.>`] : [info];
}

/** Whoever handles recorded waves buries what fails, and looks at what others have buried. */
function burying(subjects: Subjects): readonly string[] {
  const { namespace } = subjects;
  const [letters, marks] = [lettersStreamOf(namespace), marksStreamOf(namespace)];
  const api = [letters, marks].flatMap((stream) =>
    ["STREAM.INFO", "STREAM.CREATE", "STREAM.PURGE", "STREAM.MSG.GET"].map((name) => `$JS.API.${name}.${stream}`),
  );
  const readers = ["CREATE", "MSG.NEXT", "DELETE"].map((name) => `$JS.API.CONSUMER.${name}.${letters}.>`);
  return [
    ...[subjects.letters("*", ">"), subjects.mark("*"), ...api],
    ...[`$JS.API.STREAM.MSG.DELETE.${letters}`, `$JS.API.CONSUMER.CREATE.${letters}`, ...readers],
  ];
}

/** Whoever follows the record keeps snapshots of what it makes of it. */
function remembering(subjects: Subjects): readonly string[] {
  const stream = stateStreamOf(subjects.namespace);
  const api = ["STREAM.INFO", "STREAM.CREATE", "STREAM.MSG.GET", "CONSUMER.CREATE"];
  const readers = ["CREATE", "MSG.NEXT", "DELETE"].map((name) => `$JS.API.CONSUMER.${name}.${stream}.>`);
  return [subjects.snapshots("*", "*"), ...api.map((name) => `$JS.API.${name}.${stream}`), ...readers];
}

function emitting(pattern: string, loudest: number, subjects: Subjects): readonly string[] {
  if (loudest === BANDS - 1) {
    return [...(["w", "b", "q", "o", "r"] as const)].map((kind) => subjects.all(kind, pattern));
  }
  const live = Array.from({ length: loudest + 1 }, (_, at) =>
    (["w", "b", "q", "o"] as const).map((kind) => subjects.of(kind, at, pattern)),
  );
  const recorded = Math.floor(loudest / (BANDS / RECORDED_BANDS));
  return [...live.flat(), ...Array.from({ length: recorded + 1 }, (_, at) => subjects.of("r", at, pattern))];
}

/** Whoever hears waves on `pattern` tells which of them became dead letters there. */
function telling(pattern: string, subjects: Subjects): readonly string[] {
  return pattern.startsWith("$") ? [] : [subjects.all("w", `$dead.${pattern}`)];
}

function resonating(pattern: string, subjects: Subjects): readonly string[] {
  return [...(["w", "b", "q", "o", "r"] as const)].map((kind) => subjects.all(kind, pattern));
}

/** The users of a nats-server's configuration, for `authorization { users: … }`; passwords and keys are to be added. */
export function natsPermissions(list: AllowList): string {
  const users = permissionsOf(list).map(({ user, publish, subscribe }) => {
    const lines = (subjects: readonly string[]): string =>
      subjects.map((one) => `        ${JSON.stringify(one)}`).join("\n");
    return `  {
    user: ${JSON.stringify(user)}
    permissions: {
      publish: { allow: [\n${lines(publish)}\n      ] }
      subscribe: { allow: [\n${lines(subscribe)}\n      ] }
    }
  }`;
  });
  return `users: [\n${users.join("\n")}\n]\n`;
}
