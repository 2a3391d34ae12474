/** A medium as far away as a network: copies, delays, links that know little of each other. It keeps the contract. */

import {
  AetherError,
  type Exchange,
  inProcess,
  type Link,
  type Listener,
  type Medium,
  type Outlet,
  type Traits,
  Wave,
} from "@aether/core";
import { altered, disguised } from "../broken/altered.ts";

/** How many turns of the event loop the `n`th wave is on its way. */
export type Delay = (n: number) => number;

const TRAITS: Partial<Traits> = {
  crossProcess: true,
  acknowledges: false,
  byReference: false,
  readyClusterWide: false,
};
/** Turns until other links have heard of a listener. */
const SPREADING = 4;

function after(turns: number, task: () => void): void {
  setImmediate(turns <= 1 ? task : () => after(turns - 1, task));
}

/** What the hearer is given in place of `exchange`. */
function standIn(exchange: Exchange): Exchange {
  const tell = (task: () => void): void => after(1, task);
  return {
    deadline: exchange.deadline,
    over: exchange.over,
    reached: () => {},
    refused: (why) => tell(() => exchange.refused(structuredClone(why))),
    admitted: (by) => tell(() => exchange.admitted(structuredClone(by))),
    answered: (answer) => tell(() => exchange.answered(structuredClone(answer))),
    silent: (by) => tell(() => exchange.silent(structuredClone(by))),
    returned: (why) => tell(() => exchange.returned(structuredClone(why))),
    reflected: (cause) => tell(() => exchange.reflected(structuredClone(cause))),
    onOver: (listener) => exchange.onOver(listener),
  };
}

function copyOf(wave: Wave): Wave {
  const init = wave.toInit();
  const exchange = wave.exchange && standIn(wave.exchange);
  return Wave.of({ ...init, payload: structuredClone(init.payload), extras: { ...init.extras, exchange } });
}

/** Makes media that share one space, as processes share a server. */
export function distant(traits: Partial<Traits> = {}, delay: Delay = () => 1): () => Medium {
  const shared = inProcess();
  const senders = new WeakMap<Wave, Link>();
  const far = (link: Link): Partial<Link> => {
    const flights = new Set<Promise<void>>();
    let closing: Promise<void> | undefined;
    let count = 0;
    const assertOpen = (): void => {
      if (closing !== undefined) {
        throw new AetherError("AETHER_CLOSED", "the link is closed");
      }
    };
    const fly = (outlet: Outlet, wave: Wave): void => {
      const copy = copyOf(wave);
      senders.set(copy, link);
      const flight = new Promise<void>((landed) => {
        after(delay(++count), () => {
          void outlet.propagate(copy);
          landed();
        });
      });
      flights.add(flight);
      void flight.then(() => flights.delete(flight));
    };
    return {
      outlet(channel) {
        const outlet = link.outlet(channel);
        return {
          propagate(wave) {
            assertOpen();
            fly(outlet, wave);
            return undefined;
          },
        };
      },
      async resonate(listener) {
        assertOpen();
        return await link.resonate(spreading(listener, (wave) => senders.get(wave) === link));
      },
      reflect: (reflection) => after(1, () => link.reflect(reflection)),
      room: () => undefined,
      close() {
        closing ??= Promise.all(flights).then(() => link.close());
        return closing;
      },
    };
  };
  return () => altered({ traits: { ...TRAITS, ...traits }, link: far }, shared);
}

/** `listener`, which others can reach only after a while. */
function spreading(listener: Listener, isOwn: (wave: Wave) => boolean): Listener {
  let known = false;
  after(SPREADING, () => {
    known = true;
  });
  return disguised(listener, { receive: (wave, take) => (known || isOwn(wave) ? take(wave) : "refused") });
}
