/** The connection of one link: it comes back for ever, says when it is down, and never hands a user's code to the client. */

import { AetherError, messageOf } from "@aether/core";
import { type JetStreamManager, jetstreamManager } from "@nats-io/jetstream";
import {
  connect,
  type Msg,
  type MsgHdrs,
  type NatsConnection,
  type Status,
  type Subscription,
} from "@nats-io/transport-node";
import { clientOptions } from "./client-options.ts";
import { expected } from "./expected.ts";
import { KnownServers } from "./known-servers.ts";
import type { CheckedOptions } from "./options.ts";

/** What the connection tells. */
export interface ConnectionEvents {
  connected(): void;
  disconnected(reason: unknown): void;
  /** The server is about to go. Another is looked for once this resolves, or soon. */
  leaving(): Promise<void>;
  /** The server does not let this client publish on `subject`. */
  denied(subject: string): void;
}

/** Something that hears messages. */
export type Ear = (message: Msg) => void;

/** Bytes that may be under way without the server having shown that it has read them. */
const CREDIT_BYTES = 16 * 1024 * 1024;
const CREDIT_ASKED_AT = CREDIT_BYTES / 4;
/** Bytes after which emitters let the event loop turn, so that what they emit gets out and pings are answered. */
const BURST_BYTES = 512 * 1024;
/** Bytes after which it is looked whether the event loop turns: for a few that would cost a turn more than they need. */
const BURST_SEEN_BYTES = 64 * 1024;

/** A connection to one of the servers. */
export class Connection {
  readonly #nc: NatsConnection;
  readonly #servers: KnownServers;
  #events: ConnectionEvents | undefined;
  /** Rejections of subscriptions that are being confirmed, by subject. */
  readonly #confirming = new Map<string, (error: AetherError) => void>();
  #connected = true;
  #closing = false;
  /** Whether it is about to move to another server: what is new waits for that. */
  #leaving = false;
  /** Whether the server has said that it is about to go. */
  #isLame = false;
  #unconfirmed = 0;
  #asking = false;
  /** Bytes since the event loop has turned, and those of turns before as far as nobody looked. */
  #burst = 0;
  #isLooking = false;
  /** The promise of its next turn. */
  #turn: Promise<undefined> | undefined;
  readonly #turned = (): void => {
    this.#burst = 0;
    this.#isLooking = false;
    this.#turn = undefined;
  };
  #onWritable: (() => void) | undefined;

  constructor(nc: NatsConnection, servers: readonly string[]) {
    this.#nc = nc;
    this.#servers = new KnownServers(servers);
    this.#servers.update(nc.info?.connect_urls);
  }

  /** Connects within the deadline of `options`. Rejects with `AETHER_TIMEOUT` or `AETHER_UNAUTHORISED`. */
  static async open(options: CheckedOptions): Promise<Connection> {
    return new Connection(await dial(options), options.servers);
  }

  /** Tells `events` what becomes of it from now on. */
  watch(events: ConnectionEvents): void {
    this.#events = events;
    void this.#watch();
  }

  /** Whether the server would get what is published now. */
  get writable(): boolean {
    return this.#connected && !this.#leaving && this.#unconfirmed < CREDIT_BYTES;
  }

  get connected(): boolean {
    return this.#connected;
  }

  /** Most bytes of a message. */
  get maxPayload(): number {
    return this.#nc.info?.max_payload ?? 1024 * 1024;
  }

  /** Version of the server, such as `"2.9.10"`. */
  get serverVersion(): string {
    return this.#nc.info?.version ?? "";
  }

  /** Whether the server says that it keeps streams. */
  get offersStreams(): boolean {
    return this.#nc.info?.jetstream === true;
  }

  /** What manages streams; each of its calls takes at most `timeoutMs`. */
  manager(timeoutMs: number): Promise<JetStreamManager> {
    return jetstreamManager(this.#nc, { checkAPI: false, timeout: timeoutMs });
  }

  /** Resolves when the event loop has turned; `undefined`: there is no need for that. */
  breath(): Promise<undefined> | undefined {
    if (this.#burst < BURST_BYTES) {
      return undefined;
    }
    this.#turn ??= new Promise((resolve) => setImmediate(() => resolve(undefined)));
    return this.#turn;
  }

  /** Calls `task` whenever it may have become writable again. */
  onWritable(task: () => void): void {
    this.#onWritable = task;
  }

  /** Hands a message to the client. Throws `AETHER_CLOSED` when it is closed, `AETHER_TOO_LARGE`. */
  publish(subject: string, data: Uint8Array, reply?: string, headers?: MsgHdrs): void {
    try {
      this.#nc.publish(
        subject,
        data,
        reply === undefined ? undefined : headers === undefined ? { reply } : { reply, headers },
      );
    } catch (cause) {
      const isTooLarge = data.length > this.maxPayload;
      const expected = isTooLarge ? `a message of at most ${this.maxPayload} bytes` : "an open connection";
      const code = isTooLarge ? "AETHER_TOO_LARGE" : "AETHER_CLOSED";
      throw new AetherError(code, `Expected ${expected}, got: ${messageOf(cause)}`, { cause });
    }
    this.#burst += data.length;
    if (this.#burst >= BURST_SEEN_BYTES && !this.#isLooking) {
      this.#isLooking = true;
      setImmediate(this.#turned);
    }
    this.#unconfirmed += data.length + subject.length;
    if (this.#unconfirmed > CREDIT_ASKED_AT && !this.#asking) {
      void this.#askCredit();
    }
  }

  /** A server that has answered a ping has read what came before it. */
  async #askCredit(): Promise<void> {
    this.#asking = true;
    const asked = this.#unconfirmed;
    try {
      await this.#nc.flush();
      this.#unconfirmed = Math.max(0, this.#unconfirmed - asked);
    } catch {
      // The connection broke: what was under way is gone, and the count begins anew.
      this.#unconfirmed = 0;
    }
    this.#asking = false;
    this.#onWritable?.();
  }

  /**
   * Listens on `subject`; `ear` is called for each message, and what it throws harms nobody. Resolves when the server
   * has confirmed it. Rejects with `AETHER_UNAUTHORISED` when the server denies it.
   */
  async subscribe(subjects: readonly string[], queue: string | undefined, ear: Ear): Promise<readonly Subscription[]> {
    const subscriptions = subjects.map((subject) => this.listen(subject, queue, ear));
    try {
      await this.confirm(subjects);
    } catch (error) {
      for (const subscription of subscriptions) {
        subscription.unsubscribe();
      }
      throw error;
    }
    return subscriptions;
  }

  /** As {@link subscribe}, without waiting for the server. */
  listen(subject: string, queue: string | undefined, ear: Ear): Subscription {
    return this.#nc.subscribe(subject, {
      ...(queue !== undefined && { queue }),
      callback: (error, message) => {
        if (error !== null) {
          this.#deny(subject, error);
          return;
        }
        try {
          ear(message);
        } catch (thrown) {
          // A throw in here would end the client's read loop, and everybody would be deaf.
          queueMicrotask(() => {
            throw thrown;
          });
        }
      },
    });
  }

  /** Resolves when the server has read everything so far; rejects when it denies one of `subjects`. */
  async confirm(subjects: readonly string[] = []): Promise<void> {
    let denied: AetherError | undefined;
    for (const subject of subjects) {
      this.#confirming.set(subject, (error) => {
        denied = error;
      });
    }
    try {
      await this.#flush();
    } finally {
      for (const subject of subjects) {
        this.#confirming.delete(subject);
      }
    }
    if (denied !== undefined) {
      throw denied;
    }
  }

  /** A flush that a broken connection does not end: it is repeated until it is through, or the link is closed. */
  async #flush(): Promise<void> {
    for (;;) {
      try {
        await this.#nc.flush();
        return;
      } catch (cause) {
        if (this.#closing || this.#nc.isClosed()) {
          throw new AetherError("AETHER_CLOSED", "The link was closed before the server answered", { cause });
        }
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
  }

  #deny(subject: string, cause: unknown): void {
    const error = new AetherError(
      "AETHER_UNAUTHORISED",
      `The server does not allow "${subject}": ${messageOf(cause)}`,
      {
        cause,
        details: { subject },
      },
    );
    this.#confirming.get(subject)?.(error);
  }

  async #watch(): Promise<void> {
    for await (const status of this.#nc.status()) {
      this.#told(status);
    }
    this.#connected = false;
  }

  #told(status: Status): void {
    switch (status.type) {
      case "disconnect":
        if (this.#connected) {
          this.#connected = false;
          this.#unconfirmed = 0;
          this.#events?.disconnected(new AetherError("AETHER_DISCONNECTED", "The server has gone: reconnecting"));
        }
        return;
      case "reconnect":
        if (this.#connected && !this.#leaving) {
          return; // The client tells of each attempt that the server has refused as well.
        }
        this.#connected = true;
        this.#leaving = false;
        this.#isLame = false;
        this.#servers.update(this.#nc.info?.connect_urls);
        this.#events?.connected();
        this.#onWritable?.();
        return;
      case "staleConnection":
      case "error":
        this.#error("error" in status ? status.error : undefined);
        return;
      case "ldm":
        this.#isLame = true;
        this.#moveOn();
        return;
      case "update":
        this.#servers.update(status.added, status.deleted);
        this.#moveOn();
        return;
      default:
    }
  }

  #error(error: unknown): void {
    const operation: unknown = error instanceof Error ? Reflect.get(error, "operation") : undefined;
    const subject: unknown = error instanceof Error ? Reflect.get(error, "subject") : undefined;
    if (operation === "publish" && typeof subject === "string") {
      this.#events?.denied(subject);
    } else if (operation === "subscription" && typeof subject === "string") {
      this.#deny(subject, error);
    }
  }

  /** A server that is about to go is left as soon as there is another; the only one is stayed with until it closes. */
  #moveOn(): void {
    if (this.#isLame && !this.#leaving && !this.#closing && this.#servers.hasOther(this.#nc.getServer())) {
      this.#leaving = true;
      void this.#move();
    }
  }

  /** Another server is looked for once this one has carried what is under way. */
  async #move(): Promise<void> {
    try {
      await this.#events?.leaving();
      await this.#nc.flush();
      await this.#nc.reconnect();
    } catch {
      // It is gone already, and the client is on its way to another.
    }
  }

  /** Hands over what was published, and ends. */
  async close(): Promise<void> {
    this.#closing = true;
    if (this.#connected) {
      await Promise.race([
        this.#nc.flush().catch(() => {}),
        new Promise((resolve) => setTimeout(resolve, 1000).unref()),
      ]);
    }
    await this.#nc.close();
  }
}

async function dial(options: CheckedOptions): Promise<NatsConnection> {
  try {
    return await connect(clientOptions(options));
  } catch (cause) {
    throw connectError(options, cause);
  }
}

function connectError({ servers, connectTimeoutMs, security }: CheckedOptions, cause: unknown): AetherError {
  const own = ownError(cause);
  if (own !== undefined) {
    return own;
  }
  const where = servers.join(", ");
  const message = messageOf(cause);
  const isSecure = security.tls !== undefined;
  if (isSecure && /doesn't exist/.test(message)) {
    return expected("tls", "files that are there", message);
  }
  if (/certificate|altname|'tls'|ssl|self.signed|\.pem|\bca\b/i.test(message)) {
    return new AetherError(
      "AETHER_DISCONNECTED",
      `Expected a NATS server at ${where} that talks TLS as \`tls\` asks for, got: ${message}. Configure TLS there, or look at the certificates on both sides`,
      { cause, details: { servers } },
    );
  }
  if (/authoriz|authent|expired|nkey|credential/i.test(message)) {
    const text = `The server at ${where} refused the identity: ${message}`;
    return new AetherError("AETHER_UNAUTHORISED", text, { cause, details: { servers } });
  }
  const advice = isSecure
    ? "Start one, or give it the certificate that it asks for (`tls`)"
    : "Start one, for example with `nats-server`";
  return new AetherError(
    "AETHER_DISCONNECTED",
    `Expected a NATS server at ${where} within ${connectTimeoutMs} ms, got: ${message}. ${advice}`,
    { cause, details: { servers } },
  );
}

/** What reading the identity has thrown, wherever the client has put it. */
function ownError(thrown: unknown): AetherError | undefined {
  for (let error = thrown; error instanceof Error; error = error.cause) {
    if (error instanceof AetherError) {
      return error;
    }
  }
  return undefined;
}
