/**
 * Makes a fresh clone ready to run: installs the dependencies and builds what is missing or stale. It runs before
 * `npm start`, `npm test` and the like, and says nothing when there is nothing to do.
 *
 * A step has a `title`, tells with `isDone()` whether it can be left out, and does its work in `run()`. Steps run in
 * order; a later part of the project that needs something on the machine adds its step to the list.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { debianTools } from "./debian-tools.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const oldestNode = [20, 19];
const lock = join(root, ".setup.lock");
const lockPatienceMs = 600_000;
const stamp = join(root, "node_modules", ".aether-setup");

class SetupError extends Error {}

const steps = [
  {
    title: "installing dependencies",
    isDone: () => readOr(stamp, "") === installed(),
    run: async () => {
      await tool("npm ci", ...npm(), "ci", "--include=dev", "--no-audit", "--no-fund");
      writeStamp();
    },
  },
  {
    title: "building",
    isDone: async () => !(await tsc("--dry")).includes("A non-dry build would"),
    run: () => tsc(),
  },
  // What only tests and benchmarks need, and people who run the sample do not.
  ...(process.argv.includes("--tests") ? [debianTools(root)] : []),
];

/** What an up-to-date `node_modules` was made from: this lockfile, on this kind of machine. */
function installed() {
  const lockfile = readFileSync(join(root, "package-lock.json"));
  const hash = createHash("sha256").update(lockfile).digest("hex");
  return `${hash} ${process.platform} ${process.arch}\n`;
}

function writeStamp() {
  writeFileSync(stamp, installed());
}

function tsc(...options) {
  const bin = join(root, "node_modules", "typescript", "bin", "tsc");
  return tool("tsc -b", process.execPath, bin, "-b", ...options, "tsconfig.build.json");
}

/** The npm that runs us, or the one on the path. */
function npm() {
  const script = process.env.npm_execpath;
  return script?.endsWith(".js") ? [process.execPath, script] : ["npm"];
}

/** Runs a tool and resolves to its output; when the tool fails, its output is the error. */
function tool(name, command, ...options) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, options, { cwd: root, env: ownEnvironment(), stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    child.stdout.on("data", (text) => {
      output += text;
    });
    child.stderr.on("data", (text) => {
      output += text;
    });
    child.on("error", (error) => reject(new SetupError(`cannot run ${name}: ${error.message}`)));
    child.on("close", (code, signal) => {
      if (code === 0) resolve(output);
      else reject(new SetupError(`${output.trim()}\n${name} failed (${signal ?? `exit code ${code}`})`));
    });
  });
}

/** Our environment, without what `npm --workspace=…` passes on: the set-up is always about the whole workspace. */
function ownEnvironment() {
  const env = { ...process.env };
  for (const name of ["workspace", "workspaces", "include_workspace_root"]) delete env[`npm_config_${name}`];
  return env;
}

function readOr(file, missing) {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if (error.code === "ENOENT") return missing;
    throw error;
  }
}

function assertNode() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major > oldestNode[0] || (major === oldestNode[0] && minor >= oldestNode[1])) return;
  throw new SetupError(`Expected Node ${oldestNode.join(".")} or newer, got ${process.versions.node}`);
}

/**
 * Runs `work` while no other set-up of this clone does. The lock is a directory that holds one file named after the
 * process that owns it, and appears by a rename: it is never there without its owner. A dead owner's file is removed
 * by its name, so that two processes that find it cannot remove each other's lock.
 */
async function exclusively(work) {
  const own = `${lock}.${process.pid}`;
  rmSync(own, { recursive: true, force: true });
  mkdirSync(own);
  writeFileSync(join(own, String(process.pid)), "");
  const deadline = Date.now() + lockPatienceMs;
  while (!tryRename(own, lock)) {
    const owner = readOwner();
    if (owner !== undefined && !isAlive(owner)) release(owner);
    else if (Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 100));
    else {
      rmSync(own, { recursive: true, force: true });
      throw new SetupError(`process ${owner} has held ${lock} for too long; remove it if no set-up is running`);
    }
  }
  try {
    await work();
  } finally {
    release(process.pid);
  }
}

function tryRename(from, to) {
  try {
    renameSync(from, to);
    return true;
  } catch (error) {
    if (["ENOTEMPTY", "EEXIST", "EPERM"].includes(error.code)) return false;
    throw error;
  }
}

function readOwner() {
  try {
    const [name] = readdirSync(lock);
    return name === undefined ? undefined : Number(name);
  } catch (error) {
    if (error.code === "ENOENT") return undefined;
    throw error;
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}

function release(owner) {
  try {
    unlinkSync(join(lock, String(owner)));
    rmdirSync(lock);
  } catch (error) {
    if (!["ENOENT", "ENOTEMPTY", "EEXIST"].includes(error.code)) throw error;
  }
}

async function setUp() {
  for (const step of steps) {
    if (await step.isDone()) continue;
    const started = performance.now();
    process.stdout.write(`aether: ${step.title} …`);
    try {
      await step.run();
    } catch (error) {
      throw error instanceof SetupError ? error : new SetupError(error.message);
    } finally {
      process.stdout.write(` ${((performance.now() - started) / 1000).toFixed(1)} s\n`);
    }
  }
}

try {
  assertNode();
  // npm runs us with --stamp after an install of its own, which then counts as ours.
  if (process.argv.includes("--stamp")) writeStamp();
  else await exclusively(setUp);
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  console.error(`aether: ${error.message}`);
  process.exitCode = 1;
}
