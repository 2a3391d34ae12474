/**
 * Prints the closing line of `.ci/run`, `N passed, N failed`, from the JSON report of Vitest (first argument) and the
 * exit code of `npm test` (second). A test file that could not run counts as one failure, and so does everything that
 * went wrong outside of the tests. Exits with 1 unless all is well.
 */
import { readFileSync } from "node:fs";

const [reportFile, exitCode] = process.argv.slice(2);
const text = readFileSync(reportFile, "utf8");
const files = text === "" ? [] : JSON.parse(text).testResults;

const count = (status) =>
  files.flatMap((file) => file.assertionResults).filter((test) => test.status === status).length;
const broken = files.filter(
  (file) => file.status === "failed" && !file.assertionResults.some((test) => test.status === "failed"),
).length;
const passed = count("passed");
let failed = count("failed") + broken;

if (text === "") {
  console.log(`npm test failed before any test ran (exit code ${exitCode})`);
  failed = 1;
} else if (failed === 0 && exitCode !== "0") {
  console.log(`npm test failed outside of the tests (exit code ${exitCode})`);
  failed = 1;
} else if (failed === 0 && passed === 0) {
  console.log("no test has run");
  failed = 1;
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
