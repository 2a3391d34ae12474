/** An aether with one who asks and a backend that does as it is told. */

import { Aether, type Interceptor, type Wave } from "@aether/core";

export interface World extends AsyncDisposable {
  readonly aether: Aether;
  /** Waves that the backend was given. */
  readonly seen: Wave[];
  ask(options?: { amplitude?: number; timeoutMs?: number; signal?: AbortSignal }): Promise<unknown>;
}

/** A backend on "backend" that does `work`, and policies around everything. */
export async function worldOf(work: (wave: Wave) => unknown, ...policies: Interceptor[]): Promise<World> {
  const aether = await Aether.connect();
  const seen: Wave[] = [];
  await aether.vibrator("backend").resonateOn("backend", (wave) => {
    seen.push(wave);
    return work(wave);
  });
  for (const policy of policies) {
    aether.use(policy);
  }
  const asker = aether.vibrator("asker");
  return {
    aether,
    seen,
    ask: async (options) => (await asker.query("backend", {}, options)).payload,
    [Symbol.asyncDispose]: () => aether.close(),
  };
}

export function failing(): never {
  throw new Error("the backend fails");
}

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
