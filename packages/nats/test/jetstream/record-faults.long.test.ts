import { describe, expect, test } from "vitest";
import { VERSIONS } from "../nats-server.ts";
import { cut, killed, recorded } from "./breaks.ts";

describe.each(VERSIONS)("recording on %s when the server breaks again and again", (version) => {
  test("100,000 acknowledged waves survive, each of them once", async () => {
    const breaks = Array.from({ length: 12 }, (_, at) => (at % 2 === 0 ? killed : cut));
    const outcome = await recorded(version, 100_000, breaks);
    expect(outcome).toMatchObject({ acknowledged: 100_000, lost: [], twice: [], positions: 100_000 });
  });
});
