/** The host: the services of one run on their connection, from the first setup to the end. */

import { type Aether, AetherError, type Clock, type CloseOptions, type Vibrator } from "@aether/core";
import type { Log } from "./log.ts";
import type { Service, ServiceConfig, Stop } from "./service.ts";
import { serviceError } from "./service-error.ts";
import { millisecondsOf, settledWithin, unlessAborted } from "./waiting.ts";

const DEFAULT_CLOSE_MS = 10_000;

/** A service that was started. */
interface Member {
  readonly name: string;
  readonly vibrator: Vibrator;
  stop: Stop | undefined;
}

/** Starts services and ends them together. */
export class Host implements AsyncDisposable {
  readonly aether: Aether;
  readonly #ownsAether: boolean;
  readonly #clock: Clock;
  readonly #ending = new AbortController();
  readonly #members: Member[] = [];
  readonly #ready: Promise<void>;
  #tellReady = (): void => {};
  #closing: Promise<void> | undefined;

  constructor(aether: Aether, ownsAether: boolean, clock: Clock) {
    this.aether = aether;
    this.#ownsAether = ownsAether;
    this.#clock = clock;
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

  /** Aborted when closing begins. */
  get signal(): AbortSignal {
    return this.#ending.signal;
  }

  /** Sets `service` up. Rejects with an error that names it. */
  async start(service: Service, config: ServiceConfig, log: Log): Promise<void> {
    const { name } = service;
    const { aether, signal } = this;
    try {
      const member: Member = { name, vibrator: aether.vibrator(name), stop: undefined };
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
  async close({ deadlineMs = DEFAULT_CLOSE_MS }: CloseOptions = {}): Promise<void> {
    this.#closing ??= this.#close(millisecondsOf("deadlineMs", deadlineMs));
    await this.#closing;
  }

  async #close(deadlineMs: number): Promise<void> {
    const clock = this.#clock;
    const endsAt = clock.monotonic() + deadlineMs;
    const leftMs = (): number => Math.max(0, endsAt - clock.monotonic());
    this.#ending.abort(new AetherError("AETHER_CLOSED", "The services are closing"));
    const errors: unknown[] = [];
    for (const { name, stop } of this.#members.toReversed()) {
      try {
        await this.#stop(stop, leftMs());
      } catch (cause) {
        errors.push(serviceError(name, "did not stop", cause));
      }
    }
    const closing = this.#ownsAether ? [this.aether] : this.#members.map(({ vibrator }) => vibrator);
    await Promise.all(closing.map((one) => one.close({ deadlineMs: leftMs() })));
    if (errors.length > 1) {
      throw new AggregateError(errors, `${errors.length} services did not stop in order`);
    }
    if (errors.length === 1) {
      throw errors[0];
    }
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
