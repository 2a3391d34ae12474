/** The host: the services of one run on their connection, from the first setup to the end. */

import {
  type Aether,
  AetherError,
  type Clock,
  type CloseOptions,
  type Vibrator,
  type VibratorOptions,
} from "@aether/core";
import type { Log } from "./log.ts";
import type { Service, ServiceConfig, Stop } from "./service.ts";
import { serviceError } from "./service-error.ts";
import { millisecondsOf, settledWithin, unlessAborted } from "./waiting.ts";

/** A service that was started. */
interface Member {
  readonly name: string;
  readonly vibrator: Vibrator;
  stop: Stop | undefined;
}

/** What the services of a run share. */
export interface HostParts {
  readonly aether: Aether;
  /** Whether it is closed with the services. */
  readonly ownsAether: boolean;
  readonly clock: Clock;
  /** Defaults of the resonances of each, as of now. */
  readonly vibrators: () => VibratorOptions | undefined;
  /** How long closing may take that does not say so. */
  readonly graceMs: () => number;
  /** Called when closing begins. */
  readonly onClosing: () => void;
  /** Called when everything is closed. */
  readonly onClosed: () => Promise<void>;
}

/** Starts services and ends them together. */
export class Host implements AsyncDisposable {
  readonly aether: Aether;
  readonly #parts: HostParts;
  readonly #clock: Clock;
  readonly #ending = new AbortController();
  readonly #members: Member[] = [];
  readonly #ready: Promise<void>;
  #tellReady = (): void => {};
  #closing: Promise<void> | undefined;
  #givenUp = 0;

  constructor(parts: HostParts) {
    this.aether = parts.aether;
    this.#parts = parts;
    this.#clock = parts.clock;
    const told = new Promise<void>((resolve) => {
      this.#tellReady = resolve;
    });
    this.#ready = unlessAborted(told, this.signal);
    // Those who wait for it hear of it; it is no error that nobody does.
    this.#ready.catch(() => undefined);
  }

  /** Lets the services begin what they do of their own accord. */
  begin(): void {
    this.#tellReady();
  }

  /** The instances of the services. */
  *vibrators(): Iterable<Vibrator> {
    for (const { vibrator } of this.#members) {
      yield vibrator;
    }
  }

  get givenUp(): number {
    return this.#givenUp;
  }

  /** Aborted when closing begins. */
  get signal(): AbortSignal {
    return this.#ending.signal;
  }

  /** Sets `service` up. Rejects with an error that names it. */
  async start(service: Service, name: string, config: ServiceConfig, log: Log): Promise<void> {
    const { aether, signal } = this;
    try {
      const member: Member = { name, vibrator: aether.vibrator(name, this.#parts.vibrators()), stop: undefined };
      this.#members.push(member);
      const ready = this.#ready;
      const stop = await service.setup({ aether, vibrator: member.vibrator, config, log, ready, signal });
      if (typeof stop !== "function") {
        return;
      }
      member.stop = stop;
      if (signal.aborted) {
        // Closing did not wait for this setup: what it has begun meanwhile ends here.
        await stop();
      }
    } catch (cause) {
      throw serviceError(name, "did not start", cause);
    }
  }

  /** Calls the stop functions, last service first, then drains; see `RunningServices`. */
  async close({ deadlineMs = this.#parts.graceMs() }: CloseOptions = {}): Promise<void> {
    this.#closing ??= this.#close(millisecondsOf("deadlineMs", deadlineMs));
    await this.#closing;
  }

  async #close(deadlineMs: number): Promise<void> {
    const clock = this.#clock;
    const endsAt = clock.monotonic() + deadlineMs;
    const leftMs = (): number => Math.max(0, endsAt - clock.monotonic());
    this.#parts.onClosing();
    const forget = this.#countGivenUp();
    this.#ending.abort(new AetherError("AETHER_CLOSED", "The services are closing"));
    const errors: unknown[] = [];
    for (const { name, stop } of this.#members.toReversed()) {
      try {
        await this.#stop(stop, leftMs());
      } catch (cause) {
        errors.push(serviceError(name, "did not stop", cause));
      }
    }
    const closing = this.#parts.ownsAether ? [this.aether] : [...this.vibrators()];
    await Promise.all(closing.map((one) => one.close({ deadlineMs: leftMs() })));
    forget();
    await this.#parts.onClosed().catch((error: unknown) => errors.push(error));
    if (errors.length > 1) {
      throw new AggregateError(errors, `${errors.length} services did not stop in order`);
    }
    if (errors.length === 1) {
      throw errors[0];
    }
  }

  /** Counts what the drain does not finish: events that nobody will hear, and handlers that were still at work. */
  #countGivenUp(): () => void {
    const off = this.aether.on("absorbed", ({ reason, wave }) => {
      const isAnswered = wave?.kind === "query" || wave?.kind === "command";
      this.#givenUp += reason === "closed" && !isAnswered ? 1 : 0;
    });
    return () => {
      off();
      this.#givenUp += this.aether.stats().running;
    };
  }

  /** Called even when no time is left: it may begin what it cannot wait for. */
  async #stop(stop: Stop | undefined, leftMs: number): Promise<void> {
    const stopping = stop?.();
    if (stopping !== undefined && !(await settledWithin(stopping, leftMs, this.#clock))) {
      throw new AetherError("AETHER_TIMEOUT", "its stop function was still running at the deadline");
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
