/** A medium that breaks what it promises, and the guarantees whose tests must notice. */

import type { Medium } from "@aether/core";

export interface BrokenMedium {
  /** What is wrong with it. */
  readonly name: string;
  readonly create: () => Medium;
  /** Guarantees that it breaks: their tests must fail. */
  readonly breaks: readonly string[];
}
