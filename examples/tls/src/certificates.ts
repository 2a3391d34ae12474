/** Certificates: an authority of one's own, with a certificate for the server and for each client, in a folder. */

import { execFile } from "node:child_process";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { NatsOptions } from "@aether/nats";

const SCRIPT = fileURLToPath(new URL("../../../scripts/dev-certs.mjs", import.meta.url));

/** Makes a new authority in `folder`, and all certificates anew. What was there before is worth nothing any more. */
export async function makeCertificates(folder: string, clients: readonly string[]): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  await promisify(execFile)(process.execPath, [SCRIPT, folder, ...clients]);
}

/** The files of `client`, which are read at every connection; without one, only who may vouch for the server. */
export function filesOf(folder: string, client?: string): NonNullable<NatsOptions["tls"]> {
  const caFile = join(folder, "ca.pem");
  if (client === undefined) {
    return { caFile };
  }
  return { caFile, certFile: join(folder, `${client}.pem`), keyFile: join(folder, `${client}-key.pem`) };
}

/** The certificate of `client` as it is now, as text, which stays when the files change. */
export async function textsOf(
  folder: string,
  client: string,
): Promise<{ readonly cert: string; readonly key: string }> {
  const [cert, key] = await Promise.all(
    [`${client}.pem`, `${client}-key.pem`].map((name) => readFile(join(folder, name), "utf8")),
  );
  if (cert === undefined || key === undefined) {
    throw new Error("Expected two files");
  }
  return { cert, key };
}
