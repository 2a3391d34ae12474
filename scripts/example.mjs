/** `npm run example <name>`: runs one of the folders of examples/, and names them all when it is none. */
import { spawn } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const examples = join(dirname(dirname(fileURLToPath(import.meta.url))), "examples");
const [name, ...options] = process.argv.slice(2);
const names = readdirSync(examples).filter((folder) => existsSync(join(examples, folder, "src", "main.ts")));

if (names.includes(name)) {
  const child = spawn(process.execPath, [join(examples, name, "dist", "main.js"), ...options], { stdio: "inherit" });
  child.on("close", (code, signal) => {
    process.exitCode = signal === null ? (code ?? 1) : 1;
  });
} else {
  console.error(`Expected the name of an example (${names.join(", ")}), got ${name ?? "nothing"}`);
  console.error("npm run example <name> -- [options]");
  process.exitCode = 1;
}
