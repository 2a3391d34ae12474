/** `watchConfig`: the configuration of one service, followed while it runs. docs/configuration.md. */

import { existsSync, readFileSync } from "node:fs";
import { basename, dirname, sep } from "node:path";
import { AetherError } from "@aether/core";
import { type FSWatcher, watch } from "chokidar";
import type { Log } from "../log.ts";
import type { Config } from "./config.ts";
import { assertListener, LiveConfig } from "./live-config.ts";
import type { LoadOptions } from "./load-config.ts";
import type { Reload } from "./reload.ts";

/** Options of {@link watchConfig}. */
export interface WatchOptions extends LoadOptions {
  /** Told of a new state that is wrong, and not taken; and of what `onChange` throws. Default: nobody is. */
  readonly onError?: ((error: unknown) => void) | undefined;
  /** Where reloads are logged: what was changed, what needs a restart, what was refused for it is less secure. */
  readonly log?: Log | undefined;
  /** How long the files must have been the same before they are read, in milliseconds. Default 50. */
  readonly settleMs?: number | undefined;
}

/** A configuration that is followed. */
export interface ConfigWatch extends AsyncDisposable {
  /** What services run by now. */
  readonly config: Config;
  /** Resolves once every file is watched and no change since the start was missed. */
  readonly ready: Promise<void>;
  /** Ends it; nobody is told anything after that. */
  close(): Promise<void>;
}

const DEFAULT_SETTLE_MS = 50;
const LONGEST_SETTLE_MS = 60_000;
/** How often the files are looked at unasked: watchers miss what happens while they begin, and see nothing on some mounts. */
const GLANCE_MS = 2000;

/**
 * Loads the configuration of the service `name` as `loadConfig` does, throwing as that does, and calls `onChange` after
 * each change of its files that comes to another configuration. A state with anything wrong in it changes nothing.
 */
export function watchConfig(name: string, onChange: (reload: Reload) => void, options: WatchOptions = {}): ConfigWatch {
  const { onError = () => {}, log, settleMs = DEFAULT_SETTLE_MS, ...load } = options;
  assertListener("onChange", onChange);
  assertListener("onError", onError);
  if (!(typeof settleMs === "number" && settleMs >= 1 && settleMs <= LONGEST_SETTLE_MS)) {
    throw new AetherError("AETHER_BAD_OPTION", `Expected \`settleMs\` to be from 1 to 60000, got ${String(settleMs)}`, {
      details: { option: "settleMs" },
    });
  }
  return new Watch(new LiveConfig(name, load, { onChange, onError, log }), settleMs);
}

class Watch implements ConfigWatch {
  readonly #live: LiveConfig;
  readonly #settleMs: number;
  readonly #watcher: FSWatcher;
  readonly ready: Promise<void>;
  /** What the files held when they were last taken, or were found wrong. */
  #taken: string;
  /** What they held when somebody last looked. */
  #seen: string;
  #timer: NodeJS.Timeout | undefined;
  readonly #glances: NodeJS.Timeout;
  #isClosed = false;

  constructor(live: LiveConfig, settleMs: number) {
    this.#live = live;
    this.#settleMs = settleMs;
    this.#taken = contentsOf(live.files);
    this.#seen = this.#taken;
    this.#watcher = watch(rootsOf(live.files), {
      ignoreInitial: true,
      followSymlinks: false,
      ignored: (path) => !isOfInterest(path, this.#live.files),
    });
    const look = (): void => this.#look();
    this.#watcher.on("all", look).on("raw", look).on("error", look);
    this.#glances = setInterval(() => this.#glance(), GLANCE_MS).unref();
    this.ready = new Promise<void>((resolve) => {
      this.#watcher.once("ready", () => {
        look();
        resolve();
      });
    });
  }

  get config(): Config {
    return this.#live.config;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    clearInterval(this.#glances);
    await this.#watcher.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #glance(): void {
    if (this.#timer === undefined && contentsOf(this.#live.files) !== this.#taken) {
      this.#look();
    }
  }

  /** Waits until the files have been the same for a while: whoever writes one in parts is not interrupted. */
  #look(): void {
    if (this.#isClosed) {
      return;
    }
    clearTimeout(this.#timer);
    this.#seen = contentsOf(this.#live.files);
    this.#timer = setTimeout(() => this.#settle(), this.#settleMs);
  }

  #settle(): void {
    this.#timer = undefined;
    const now = contentsOf(this.#live.files);
    if (now !== this.#seen) {
      this.#look();
    } else if (now !== this.#taken) {
      this.#taken = now;
      this.#live.reload();
      this.#follow();
    }
  }

  /** Files of secrets may be others now. */
  #follow(): void {
    this.#watcher.add(rootsOf(this.#live.files));
  }
}

/** What files hold, as one text that is another one when any of them has changed. */
function contentsOf(files: readonly string[]): string {
  return JSON.stringify(files.map((file) => [file, contentOf(file)]));
}

function contentOf(file: string): string | undefined {
  try {
    return readFileSync(file, "latin1");
  } catch {
    return undefined;
  }
}

/** The folders of the files; where one is not there, the nearest one around it that is. */
function rootsOf(files: readonly string[]): string[] {
  return [...new Set(files.map((file) => presentOf(dirname(file))))];
}

function presentOf(folder: string): string {
  return existsSync(folder) || dirname(folder) === folder ? folder : presentOf(dirname(folder));
}

/** The files, what leads to them, and the link that Kubernetes turns when it changes what it has mounted. */
function isOfInterest(path: string, files: readonly string[]): boolean {
  const isLink = basename(path).startsWith("..") && files.some((file) => dirname(file) === dirname(path));
  return isLink || files.some((file) => file === path || file.startsWith(path.endsWith(sep) ? path : path + sep));
}
