/**
 * Fetches the nats-servers that the tests run: the oldest version that is supported and a newer one, each from Debian's
 * own archive, unpacked into .cache/. The system's packages and sources stay as they are.
 */
import { spawn } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Server version → the Debian release whose archive has it. */
const RELEASES = { 2.9: "bookworm", "2.10": "trixie" };
const KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg";

function run(command, options, cwd) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, options, { cwd, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (text) => {
        output += text;
      });
    }
    child.on("error", reject);
    child.on("close", (code) => {
      if (code === 0) resolve(output);
      else reject(new Error(`${command} ${options[0]} failed (exit code ${code}):\n${output.trim()}`));
    });
  });
}

function folderOf(root, version) {
  return join(root, ".cache", `nats-server-${version}`);
}

function missing(root) {
  return Object.keys(RELEASES).filter((version) => !existsSync(join(folderOf(root, version), "usr/sbin/nats-server")));
}

/** The address of the archive that this machine installs from. */
function archive() {
  const folder = "/etc/apt/sources.list.d";
  const files = [
    "/etc/apt/sources.list",
    ...(existsSync(folder) ? readdirSync(folder).map((file) => join(folder, file)) : []),
  ];
  for (const file of files) {
    const text = existsSync(file) ? readFileSync(file, "utf8") : "";
    const [found] = text.match(/(https?|mirror\+file|file):\S+\/debian\/?(?=\s|$)/) ?? [];
    if (found !== undefined) return found;
  }
  return undefined;
}

async function fetchServer(root, version) {
  const base = archive();
  if (base === undefined || !existsSync(KEYRING) || !existsSync("/usr/bin/dpkg")) {
    throw new Error(
      `the tests need nats-server ${version}: put its binary at .cache/nats-server-${version}/usr/sbin/nats-server`,
    );
  }
  const work = mkdtempSync(join(tmpdir(), "aether-apt-"));
  try {
    for (const folder of ["lists/partial", "cache/archives/partial", "state", "unpacked"]) {
      mkdirSync(join(work, folder), { recursive: true });
    }
    writeFileSync(join(work, "status"), "");
    writeFileSync(join(work, "sources.list"), `deb [signed-by=${KEYRING}] ${base} ${RELEASES[version]} main\n`);
    const apt = Object.entries({
      "Dir::State": join(work, "state"),
      "Dir::State::Lists": join(work, "lists"),
      "Dir::State::status": join(work, "status"),
      "Dir::Cache": join(work, "cache"),
      "Dir::Etc::SourceList": join(work, "sources.list"),
      "Dir::Etc::SourceParts": "/dev/null",
      "APT::Get::List-Cleanup": "0",
      "APT::Sandbox::User": "root",
      "Acquire::Retries": "3",
    }).flatMap(([name, value]) => ["-o", `${name}=${value}`]);
    await run("apt-get", ["-qq", ...apt, "update"], work);
    await run("apt-get", ["-qq", ...apt, "download", "nats-server"], work);
    const [file] = readdirSync(work).filter((name) => name.endsWith(".deb"));
    await run("dpkg", ["-x", join(work, file), join(work, "unpacked")], work);
    const target = folderOf(root, version);
    mkdirSync(join(root, ".cache"), { recursive: true });
    rmSync(target, { recursive: true, force: true });
    await moved(join(work, "unpacked"), target);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** Moves a folder, also to another file system. */
async function moved(from, to) {
  try {
    renameSync(from, to);
  } catch (error) {
    if (error.code !== "EXDEV") throw error;
    await run("cp", ["-r", from, to]);
  }
}

/** The step of the set-up. */
export function natsServers(root) {
  return {
    title: "fetching nats-server",
    isDone: () => missing(root).length === 0,
    run: async () => {
      for (const version of missing(root)) await fetchServer(root, version);
    },
  };
}
