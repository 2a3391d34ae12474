/** A folder with a configuration in it, for one test. */

import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { AetherError } from "@aether/core";
import { type Loaded, loadConfig } from "../../src/index.ts";

/** A folder that is there until it is disposed of. */
export class Folder implements Disposable {
  readonly path: string = mkdtempSync(join(tmpdir(), "aether-config-"));

  constructor(files: Readonly<Record<string, string>> = {}) {
    for (const [name, text] of Object.entries(files)) {
      this.write(name, text);
    }
  }

  /** The absolute path of `name`. */
  at(name: string): string {
    return join(this.path, name);
  }

  write(name: string, text: string, mode = 0o600): void {
    mkdirSync(dirname(this.at(name)), { recursive: true });
    writeFileSync(this.at(name), text);
    chmodSync(this.at(name), mode);
  }

  remove(name: string): void {
    rmSync(this.at(name), { recursive: true, force: true });
  }

  /** What `service-alpha` gets here. */
  load(env: Readonly<Record<string, string>> = {}, flags: Readonly<Record<string, unknown>> = {}): Loaded {
    return loadConfig("service-alpha", { cwd: this.path, env, flags });
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** What `work` throws; fails if it throws nothing, or anything but an `AetherError`. */
export function refusalOf(work: () => unknown): AetherError {
  try {
    work();
  } catch (error) {
    if (error instanceof AetherError) {
      return error;
    }
    throw error;
  }
  throw new Error("Expected a refusal, got none");
}
