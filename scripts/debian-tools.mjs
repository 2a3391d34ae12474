/**
 * Fetches the programs that the tests run, each from Debian's own archive, unpacked into .cache/: nats-server in the oldest
 * version that is supported and a newer one, and promtool. The system's packages and sources stay as they are.
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

/** What is fetched: the folder in .cache/, the package and the Debian release that has it, and the program in it. */
const TOOLS = [
  { folder: "nats-server-2.9", name: "nats-server", release: "bookworm", program: "usr/sbin/nats-server" },
  { folder: "nats-server-2.10", name: "nats-server", release: "trixie", program: "usr/sbin/nats-server" },
  { folder: "prometheus", name: "prometheus", release: "bookworm", program: "usr/bin/promtool" },
];
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

function missing(root) {
  return TOOLS.filter(({ folder, program }) => !existsSync(join(root, ".cache", folder, program)));
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

async function fetchTool(root, { folder, name, release, program }) {
  const base = archive();
  if (base === undefined || !existsSync(KEYRING) || !existsSync("/usr/bin/dpkg")) {
    throw new Error(`the tests need ${folder}: put its program at .cache/${folder}/${program}`);
  }
  const work = mkdtempSync(join(tmpdir(), "aether-apt-"));
  try {
    for (const place of ["lists/partial", "cache/archives/partial", "state", "unpacked"]) {
      mkdirSync(join(work, place), { recursive: true });
    }
    writeFileSync(join(work, "status"), "");
    writeFileSync(join(work, "sources.list"), `deb [signed-by=${KEYRING}] ${base} ${release} main\n`);
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
    }).flatMap(([option, value]) => ["-o", `${option}=${value}`]);
    await run("apt-get", ["-qq", ...apt, "update"], work);
    await run("apt-get", ["-qq", ...apt, "download", name], work);
    const [file] = readdirSync(work).filter((entry) => entry.endsWith(".deb"));
    await run("dpkg", ["-x", join(work, file), join(work, "unpacked")], work);
    const target = join(root, ".cache", folder);
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
export function debianTools(root) {
  return {
    title: "fetching the programs that tests run",
    isDone: () => missing(root).length === 0,
    run: async () => {
      for (const tool of missing(root)) await fetchTool(root, tool);
    },
  };
}
