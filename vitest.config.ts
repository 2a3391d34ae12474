import { defineConfig } from "vitest/config";

const source = "aether:source";
const long = "**/*.long.test.ts";

/** Tests run on the sources, without a build. `--mode long` runs the long ones and nothing else. */
export default defineConfig(({ mode }) => {
  const report = process.env["AETHER_TEST_REPORT"];
  const isLong = mode === "long";
  return {
    resolve: { conditions: [source, "node", "development|production"] },
    ssr: { resolve: { conditions: [source, "node", "development|production"] } },
    test: {
      include: isLong
        ? [long]
        : [
            "packages/*/test/**/*.test.ts",
            "services/test/**/*.test.ts",
            "examples/*/test/**/*.test.ts",
            "test/**/*.test.ts",
          ],
      exclude: isLong ? ["**/node_modules/**", "**/dist/**"] : [long],
      pool: "forks",
      execArgv: ["--expose-gc"],
      maxWorkers: 2,
      testTimeout: isLong ? 1_800_000 : 180_000,
      hookTimeout: isLong ? 120_000 : 60_000,
      teardownTimeout: 10_000,
      reporters: report === undefined ? ["default"] : ["default", ["json", { outputFile: report }]],
    },
  };
});
