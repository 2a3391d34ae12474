/** `npm run example tls`: who a server with TLS lets in, what each may do, and certificates that are exchanged. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Aether, AetherError } from "@aether/core";
import { type NatsOptions, natsMedium } from "@aether/nats";
import { filesOf, makeCertificates, textsOf } from "./certificates.ts";
import { Server } from "./server.ts";

const CLIENTS = ["alpha", "beta"];

function connect(server: Server, tls: NatsOptions["tls"], connectTimeoutMs?: number): Promise<Aether> {
  return Aether.connect({ medium: natsMedium({ servers: server.url, tls, connectTimeoutMs }) });
}

/** The code of the error that somebody gets who tries to connect for a while. */
function refusal(server: Server, tls: NatsOptions["tls"]): Promise<string> {
  return codeOf(connect(server, tls, 1500));
}

/** The code of the error that `work` ends with. */
async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return "no error";
  } catch (error) {
    if (error instanceof AetherError) {
      return error.code;
    }
    throw error;
  }
}

/** Resolves when `aether` is connected again. */
function comesBack(aether: Aether): Promise<void> {
  return new Promise((resolve) => {
    const undo = aether.on("connected", () => {
      undo();
      resolve();
    });
  });
}

async function show(folder: string, certificates: string): Promise<void> {
  await makeCertificates(certificates, CLIENTS);
  await using server = await Server.start(folder, certificates);

  console.log("# alpha and beta connect, each by its certificate");
  await using alpha = await connect(server, filesOf(certificates, "alpha"));
  await using beta = await connect(server, filesOf(certificates, "beta"));
  const orders = alpha.vibrator("alpha");
  const stock = beta.vibrator("beta");
  await stock.resonateOn("orders.check", (wave) => {
    console.log(`beta hears ${wave.channel} from ${wave.source}: ${JSON.stringify(wave.payload)}`);
    return "available";
  });
  const order = async (orderId: string): Promise<void> => {
    // Once more where nobody is there yet: who comes back is heard a moment after it knows that it is back.
    const { payload, source } = await orders.query("orders.check", { orderId }, { resend: true, timeoutMs: 5000 });
    console.log(`alpha hears from ${source}: ${payload}`);
  };
  await order("1");

  console.log("\n# a certificate is a name, and the server knows what it may do");
  const cancel = stock.emit("orders.cancel", { orderId: "1" }, { kind: "command" });
  console.log(`beta may not cancel an order: ${await codeOf(cancel)}`);
  console.log(`beta may not listen to payments: ${await codeOf(stock.resonateOn("payments.*"))}`);
  console.log(`somebody without a certificate is not let in: ${await refusal(server, filesOf(certificates))}`);

  console.log("\n# new certificates by a new authority, while everybody runs");
  const old = await textsOf(certificates, "alpha");
  await makeCertificates(certificates, CLIENTS);
  const back = Promise.all([alpha, beta].map(comesBack));
  await server.restart();
  await back;
  console.log("alpha and beta are back");
  await order("2");
  const { caFile } = filesOf(certificates);
  console.log(`the old certificate is not let in any more: ${await refusal(server, { caFile, ...old })}`);
}

const folder = await mkdtemp(join(tmpdir(), "aether-example-tls-"));
try {
  await show(folder, join(folder, "certs"));
} finally {
  await rm(folder, { recursive: true, force: true });
}
