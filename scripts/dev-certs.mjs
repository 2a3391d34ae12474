/**
 * Makes an authority of one's own with certificates for a server and for clients, for development and tests:
 * `node scripts/dev-certs.mjs [--host localhost] [--days 30] <folder> [client …]`. It writes ca.pem, server.pem,
 * server-key.pem (for the host, or for several with commas between) and for each client, default `client`, <client>.pem
 * and <client>-key.pem. An authority that is there is used again. Needs `openssl`.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { host: { type: "string", default: "localhost" }, days: { type: "string", default: "30" } },
});
const AUTHORITY_DAYS = "3650";

function openssl(folder, ...options) {
  try {
    execFileSync("openssl", options, { cwd: folder, stdio: ["ignore", "ignore", "pipe"] });
  } catch (error) {
    if (error.code === "ENOENT") throw new Error("Expected `openssl` on the path, got none: install it");
    throw new Error(`openssl ${options[0]} failed:\n${error.stderr}`);
  }
}

const KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];

function authority(folder) {
  if (existsSync(join(folder, "ca.pem")) && existsSync(join(folder, "ca-key.pem"))) return;
  const subject = ["-subj", "/CN=Aether development authority"];
  openssl(
    folder,
    "req",
    "-x509",
    ...KEY,
    "-keyout",
    "ca-key.pem",
    "-out",
    "ca.pem",
    "-days",
    AUTHORITY_DAYS,
    ...subject,
  );
}

function certificate(folder, name, commonName, extensions) {
  const files = { request: `${name}.csr`, extensions: `${name}.ext` };
  writeFileSync(join(folder, files.extensions), extensions);
  openssl(folder, "req", ...KEY, "-keyout", `${name}-key.pem`, "-out", files.request, "-subj", `/CN=${commonName}`);
  const authorities = ["-CA", "ca.pem", "-CAkey", "ca-key.pem", "-CAcreateserial"];
  const rest = ["-days", values.days, "-extfile", files.extensions];
  openssl(folder, "x509", "-req", "-in", files.request, "-out", `${name}.pem`, ...authorities, ...rest);
}

function certificates(folder, clients) {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  authority(folder);
  const hosts = values.host.split(",");
  const names = hosts.map((host) => `DNS:${host}`).join(",");
  certificate(folder, "server", hosts[0], `subjectAltName=${names}\nextendedKeyUsage=serverAuth\n`);
  for (const client of clients) certificate(folder, client, client, "extendedKeyUsage=clientAuth\n");
}

const [folder, ...clients] = positionals;
if (folder === undefined) {
  console.error("Expected a folder: node scripts/dev-certs.mjs <folder> [client …]");
  process.exitCode = 2;
} else {
  certificates(folder, clients.length > 0 ? clients : ["client"]);
  console.log(`certificates are in ${folder}`);
}
