/** Runs every `check:*` script of package.json, two at a time, and shows the output of those that fail. */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const waiting = Object.keys(scripts).filter((name) => name.startsWith("check:"));
const env = { ...process.env, PATH: join(root, "node_modules/.bin") + delimiter + process.env.PATH };
// The tools write into a pipe; their colours would only be noise in a log.
delete env.FORCE_COLOR;
env.NO_COLOR = "1";
const failed = [];

function run(command) {
  return new Promise((resolve) => {
    const child = spawn(command, { cwd: root, env, shell: true, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    child.stdout.on("data", (text) => {
      output += text;
    });
    child.stderr.on("data", (text) => {
      output += text;
    });
    child.on("error", (error) => resolve({ ok: false, output: error.message }));
    child.on("close", (code) => resolve({ ok: code === 0, output }));
  });
}

async function takeTurns() {
  for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
    const started = performance.now();
    const { ok, output } = await run(scripts[name]);
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    console.log(`${ok ? "ok    " : "FAILED"} ${name} (${seconds} s)`);
    if (ok) continue;
    failed.push(name);
    console.log(`\n${output.trim()}\n`);
  }
}

await Promise.all([takeTurns(), takeTurns()]);
if (failed.length > 0) {
  console.error(`checks failed: ${failed.join(", ")}`);
  process.exitCode = 1;
}
