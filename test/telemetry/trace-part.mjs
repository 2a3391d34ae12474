/** One of two processes of a traced order: `node trace-part.mjs alpha|beta <server> <collector>`. */
import { Aether } from "@aether/core";
import { natsMedium } from "@aether/nats";
import { tracing } from "@aether/telemetry";

const [, , part, servers, endpoint] = process.argv;
const aether = await Aether.connect({ medium: natsMedium({ servers, stream: false }) });
const trace = tracing(aether, { serviceName: part, endpoint });
const vibrator = aether.vibrator(part);
let ended = () => {};
const end = new Promise((resolve) => {
  ended = resolve;
});

if (part === "beta") {
  await vibrator.resonateOn("orders.created", async (_wave, ctx) => {
    await ctx.emit("stock.reserved");
    ended();
  });
} else {
  await vibrator.resonateOn("stock.reserved", () => ended());
  await aether.whenHeard("orders.created");
  await vibrator.emit("orders.created");
}
process.send?.("ready");
await end;
await aether.close();
await trace.close();
process.disconnect?.();
