/** The table of everything Aether refuses or reports as failed: one class, one code each. docs/errors.md mirrors it. */

/** What each code means and whether repeating the same call later can succeed. */
export const ERRORS = {
  AETHER_BAD_CHANNEL: { retryable: false, meaning: "The channel name or pattern is not valid, or is reserved." },
  AETHER_BAD_OPTION: {
    retryable: false,
    meaning: "An option or argument is unknown, of the wrong type or out of range.",
  },
  AETHER_BAD_CONFIG: { retryable: false, meaning: "A file, variable or flag of the configuration is wrong." },
  AETHER_ADDRESS_TAKEN: { retryable: true, meaning: "Somebody else listens on the address of health or metrics." },
  AETHER_OVER_LIMIT: { retryable: false, meaning: "The process has used more memory or processor time than it may." },
  AETHER_BUSY: { retryable: true, meaning: "More was to be emitted than the rate limit or the bulkhead lets pass." },
  AETHER_CIRCUIT_OPEN: { retryable: true, meaning: "So much has failed lately that it is not tried for a while." },
  AETHER_BAD_PAYLOAD: { retryable: false, meaning: "The payload breaks the channel's schema or cannot travel." },
  AETHER_TOO_LARGE: { retryable: false, meaning: "The payload or the headers are larger than the limits allow." },
  AETHER_UNAUTHORISED: { retryable: false, meaning: "The source is not on the allow-list." },
  AETHER_AMBIGUOUS: { retryable: false, meaning: "Two resonances of one vibrator would share one identity." },
  AETHER_TOO_MANY: { retryable: true, meaning: "One more resonance than an aether may have was asked for." },
  AETHER_UNSUPPORTED: { retryable: false, meaning: "The medium, or this version, cannot honour what was asked for." },
  AETHER_CLOSED: { retryable: false, meaning: "The aether, vibrator or resonance is closed." },
  AETHER_DRAINING: { retryable: true, meaning: "Every receiver of the command or query is shutting down." },
  AETHER_NO_RESONATOR: { retryable: true, meaning: "Nobody resonates on the channel of a command or query." },
  AETHER_NO_ANSWER: { retryable: false, meaning: "Every receiver handled the query and none returned an answer." },
  AETHER_SHED: {
    retryable: true,
    meaning: "Every receiver shed the command or query: it was quieter than they listen.",
  },
  AETHER_DISCONNECTED: { retryable: true, meaning: "No server is there, and what waited for one had to give way." },
  AETHER_TIMEOUT: { retryable: true, meaning: "The time given has passed." },
  AETHER_UNCERTAIN: {
    retryable: true,
    meaning: "Nobody knows whether the wave was recorded: emit it again under the same id.",
  },
  AETHER_EXHAUSTED: {
    retryable: false,
    meaning: "The command, query or recorded wave is over the hop limit: it is part of a loop.",
  },
  AETHER_FADED: { retryable: false, meaning: "The command or query is too quiet to cross the medium." },
  AETHER_UNKNOWN_LETTER: {
    retryable: false,
    meaning: "No dead letter has this id: it was re-emitted, purged or evicted, or never was.",
  },
  AETHER_NO_JOURNAL: { retryable: false, meaning: "The directory is no journal, and none can begin there." },
  AETHER_JOURNAL_LOCKED: { retryable: true, meaning: "Another writer has the journal open." },
  AETHER_JOURNAL_FULL: { retryable: true, meaning: "The journal has no room for more; nothing that it holds is lost." },
  AETHER_JOURNAL_FAILED: {
    retryable: false,
    meaning: "The disk failed the journal, which takes nothing more until it is opened again.",
  },
  AETHER_JOURNAL_DAMAGED: {
    retryable: false,
    meaning: "What the journal has stored is no longer what was written.",
  },
  AETHER_BAD_POSITION: {
    retryable: false,
    meaning: "The position is none of this record as it is now: it was restored, cut or begun anew.",
  },
  AETHER_BAD_SNAPSHOT: { retryable: false, meaning: "A snapshot is no longer what was saved." },
  AETHER_VIEW_FAILED: {
    retryable: false,
    meaning: "A view could not fold a wave of the record, and has stopped before it.",
  },
  AETHER_HANDLER_FAILED: { retryable: true, meaning: "The handler of the command or query threw." },
  AETHER_HANDLER_TIMEOUT: { retryable: true, meaning: "The handler did not settle within its time." },
} as const;

ERRORS satisfies Record<string, { readonly retryable: boolean; readonly meaning: string }>;

/** The code of an {@link AetherError}. */
export type ErrorCode = keyof typeof ERRORS;

/** Facts about a refusal or failure, by name: what was expected, what came, where. */
export type ErrorDetails = Readonly<Record<string, unknown>>;

/** Every error that Aether throws or rejects with. */
export class AetherError extends Error {
  readonly code: ErrorCode;
  /** Whether the same call may succeed later without being changed. */
  readonly retryable: boolean;
  readonly details: ErrorDetails;

  constructor(
    code: ErrorCode,
    message: string,
    options: { readonly cause?: unknown; readonly details?: ErrorDetails; readonly retryable?: boolean } = {},
  ) {
    super(message, "cause" in options ? { cause: options.cause } : undefined);
    this.name = "AetherError";
    this.code = code;
    this.retryable = options.retryable ?? ERRORS[code].retryable;
    this.details = options.details ?? {};
  }
}

/** Thrown by a handler to say that no retry can help: the wave fails at once. */
export class UnrecoverableError extends Error {
  constructor(message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.name = "UnrecoverableError";
  }
}

/** What `error` says, whatever was thrown: also a value that throws when it is looked at. */
export function messageOf(error: unknown): string {
  try {
    const text: unknown = error instanceof Error ? error.message : String(error);
    return typeof text === "string" ? text : show(text);
  } catch {
    return "a value that cannot be shown";
  }
}

/** The one form of validation texts: "Expected `name` to be …, got …". */
export function expected(name: string, what: string, got: unknown): AetherError {
  return new AetherError("AETHER_BAD_OPTION", `Expected \`${name}\` to be ${what}, got ${show(got)}`, {
    details: { option: name, expected: what, got },
  });
}

/** A value as a short, safe piece of an error text: at most 80 characters, control characters escaped. */
export function show(value: unknown): string {
  if (typeof value === "string") {
    return quoted(value);
  }
  if (typeof value === "function") {
    return "a function";
  }
  if (Array.isArray(value)) {
    return `an array of ${value.length}`;
  }
  if (typeof value === "object" && value !== null) {
    const name: unknown = Reflect.get(value, "constructor")?.name;
    return `an object (${typeof name === "string" ? name.slice(0, 40) : "null prototype"})`;
  }
  const text = typeof value === "bigint" ? `${value}n` : String(value);
  return text.length > LONGEST_SHOWN ? `${text.slice(0, LONGEST_SHOWN - 3)}...` : text;
}

const LONGEST_SHOWN = 80;

/** `text` between quotes, cut to 80 characters, with everything escaped that could break or hide a line. */
function quoted(text: string): string {
  let shown = "";
  for (const character of text.slice(0, LONGEST_SHOWN + 1)) {
    const code = character.charCodeAt(0);
    const hidden = code < 32 || (code >= 0x7f && code < 0xa0) || code === 0x2028 || code === 0x2029;
    const lone = character.length === 1 && code >= 0xd800 && code <= 0xdfff;
    shown +=
      hidden || lone
        ? `\\u${code.toString(16).padStart(4, "0")}`
        : character === '"' || character === "\\"
          ? `\\${character}`
          : character;
  }
  return shown.length > LONGEST_SHOWN || text.length > LONGEST_SHOWN
    ? `"${shown.slice(0, LONGEST_SHOWN - 3)}..."`
    : `"${shown}"`;
}
