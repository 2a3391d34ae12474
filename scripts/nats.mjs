/**
 * `npm run nats`: a nats-server for development, on this machine only, with streams kept in ./data/nats.
 * `npm run nats -- --port 4223 --store elsewhere` does so there, `--config file` as the file says. It ends with Ctrl-C.
 */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { values } = parseArgs({
  options: {
    port: { type: "string", default: "4222" },
    store: { type: "string", default: join("data", "nats") },
    config: { type: "string" },
  },
});

function binary() {
  const fetched = ["2.10", "2.9"].map((version) =>
    join(root, ".cache", `nats-server-${version}`, "usr/sbin/nats-server"),
  );
  return (
    fetched.find((file) => existsSync(file)) ??
    (spawnSync("nats-server", ["--version"]).error ? undefined : "nats-server")
  );
}

function options() {
  if (values.config !== undefined) return ["-c", values.config];
  const store = resolve(root, values.store);
  mkdirSync(store, { recursive: true });
  return ["-a", "127.0.0.1", "-p", values.port, "-js", "-sd", store];
}

const server = binary();
if (server === undefined) {
  console.error("Expected `nats-server` on the path, got none: install it, on Debian by `apt-get install nats-server`");
  process.exitCode = 1;
} else {
  const child = spawn(server, options(), { stdio: "inherit" });
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => child.kill(signal));
  child.on("exit", (code) => {
    process.exitCode = code ?? 0;
  });
}
