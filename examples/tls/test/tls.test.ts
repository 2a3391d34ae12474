import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const script = fileURLToPath(new URL("../../../scripts/example.mjs", import.meta.url));

const EXPECTED = `# alpha and beta connect, each by its certificate
beta hears orders.check from alpha: {"orderId":"1"}
alpha hears from beta: available

# a certificate is a name, and the server knows what it may do
beta may not cancel an order: AETHER_UNAUTHORISED
beta may not listen to payments: AETHER_UNAUTHORISED
somebody without a certificate is not let in: AETHER_DISCONNECTED

# new certificates by a new authority, while everybody runs
alpha and beta are back
beta hears orders.check from alpha: {"orderId":"2"}
alpha hears from beta: available
the old certificate is not let in any more: AETHER_DISCONNECTED
`;

test("certificates let people in, say what they may do, and are exchanged while everybody runs", async () => {
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [script, "tls"]);
  expect(stderr).toBe("");
  expect(stdout).toBe(EXPECTED);
}, 60_000);
