/** `npm start` from outside: the built program as a child process, its output and its exit codes. */

import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

const PROGRAM = fileURLToPath(new URL("../dist/start.js", import.meta.url));
const PATIENCE_MS = 20_000;

/** A program that runs, and what it has written so far. */
class Program {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #exit: Promise<number | null>;
  out = "";
  err = "";

  constructor(command: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    const { NO_COLOR, CI, AETHER_SEED, ...inherited } = process.env;
    this.#child = spawn(command, args, { env: { ...inherited, ...env }, timeout: PATIENCE_MS, killSignal: "SIGKILL" });
    this.#child.stdout.setEncoding("utf8").on("data", (text: string) => {
      this.out += text;
    });
    this.#child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.err += text;
    });
    this.#exit = once(this.#child, "close").then(() => this.#child.exitCode);
  }

  static start(args: readonly string[] = [], env: Readonly<Record<string, string>> = {}): Program {
    return new Program(process.execPath, [PROGRAM, ...args], env);
  }

  kill(signal: "SIGINT" | "SIGTERM"): void {
    this.#child.kill(signal);
  }

  /** Its exit code; `null` when it had to be killed. */
  exit(): Promise<number | null> {
    return this.#exit;
  }

  /** Resolves when `text` was written. */
  async writes(text: string): Promise<void> {
    while (!this.out.includes(text)) {
      await Promise.race([
        once(this.#child.stdout, "data"),
        this.#exit.then(() => expect.unreachable(`it ended without writing "${text}":\n${this.out}${this.err}`)),
      ]);
    }
  }
}

describe("--once", () => {
  test("shows the way of one order in plain lines and exits with 0", async () => {
    const program = Program.start(["--once", "--seed", "7"], { FORCE_COLOR: "1" });
    expect(await program.exit()).toBe(0);
    expect(program.err).toBe("");
    expect(program.out).not.toContain("\u001b");
    const lines = program.out.trimEnd().split("\n");
    expect(lines.slice(1, -1).map((line) => line.slice(2).split(" ")[0])).toEqual([
      "orders.place",
      "orders.created",
      "inventory.check",
      "inventory.available",
      "orders.confirmed",
      "payments.request",
      "payments.completed",
      "orders.completed",
    ]);
    expect(lines[1]).toBe("! orders.place          ▮▮▮▮▮▮▯▯ 0.80   1  customers     7-1      2 lamp");
    expect(lines.at(-1)).toMatch(/^✔ order 7-1 completed {2}€49\.80 {2}8 waves, 6 hops, \d+ ms$/);
  });

  test("takes its seed from the environment", async () => {
    const program = Program.start(["--once"], { AETHER_SEED: "99" });
    expect(await program.exit()).toBe(0);
    expect(program.out).toContain("order 99-1 completed");
  });

  test("says at once that an order has ended in an earlier run, where waves are kept", async () => {
    const path = await mkdtemp(join(tmpdir(), "aether-once-"));
    const env = { AETHER__AETHER__PERSISTENCE_ENABLED: "true", AETHER__AETHER__PERSISTENCE_PATH: path };
    const first = Program.start(["--once", "--seed", "7"], env);
    expect(await first.exit()).toBe(0);
    expect(first.out).toContain("order 7-1 completed");
    const second = Program.start(["--once", "--seed", "7"], env);
    expect(await second.exit()).toBe(0);
    expect(second.err).toBe("");
    expect(second.out).toContain("~ order 7-1 has ended in an earlier run, which is kept: another --seed");
    expect(second.out).not.toContain("orders.place");
    const another = Program.start(["--once", "--seed", "8"], env);
    expect(await another.exit()).toBe(0);
    expect(another.out).toContain("order 8-1 completed");
    await rm(path, { recursive: true });
  });

  test("that is interrupted before the order is completed exits with 1 and says why", async () => {
    const program = Program.start(["--once"]);
    await program.writes("payments.request");
    program.kill("SIGINT");
    expect(await program.exit()).toBe(1);
    expect(program.err).toBe("Stopped by a signal\n");
  });
});

describe("a shop that is open", () => {
  test.each(["SIGINT", "SIGTERM"] as const)("ends its orders at %s, sums up and exits with 0", async (signal) => {
    const program = Program.start(["--rate", "50"]);
    await program.writes("payments.request");
    program.kill(signal);
    expect(await program.exit()).toBe(0);
    expect(program.err).toBe("");
    expect(program.out).not.toContain("\u001b");
    const lines = program.out.trimEnd().split("\n");
    const ended = lines.filter((line) => /^[✔✖] order /.test(line)).length;
    expect(ended).toBe(lines.filter((line) => line.startsWith("  orders.created ")).length);
    expect(lines.at(-1)).toMatch(new RegExp(`^${ended} orders?: \\d+ completed, \\d+ cancelled · €\\d+\\.\\d\\d$`));
  });

  test("exits with 1 at a second signal", async () => {
    const program = Program.start(["--rate", "50"]);
    await program.writes("payments.request");
    program.kill("SIGINT");
    await program.writes("closing");
    // Within a tenth of a second it would count as the first one, passed on by npm.
    const again = setInterval(() => program.kill("SIGINT"), 60);
    expect(await program.exit()).toBe(1);
    clearInterval(again);
  });

  test("shows the same orders for the same seed", async () => {
    const orders = async (): Promise<string[]> => {
      const program = Program.start(["--seed", "11", "--rate", "100"]);
      await program.writes(" 11-12 ");
      program.kill("SIGTERM");
      await program.exit();
      return program.out
        .split("\n")
        .filter((line) => line.startsWith("! orders.place"))
        .slice(0, 12);
    };
    expect(await orders()).toEqual(await orders());
  });

  test("ends quietly when nobody reads any more", async () => {
    const program = new Program("bash", [
      "-c",
      `"$0" "$1" --rate 20 | head -n 1; echo "exit \${PIPESTATUS[0]}"`,
      process.execPath,
      PROGRAM,
    ]);
    expect(await program.exit()).toBe(0);
    expect(program.err).toBe("");
    expect(program.out).toMatch(/^seed \d+ · 20 orders\/s · Ctrl-C ends\nexit 0\n$/);
  });
});

describe("the command line", () => {
  test.each([
    [["--sead", "1"], "Unknown option '--sead'"],
    [["now"], "Unexpected argument 'now'"],
    [["--seed", "1.5"], 'Expected --seed to be a whole number from 0 to 4294967295, got "1.5"'],
    [["--rate", "0"], 'Expected --rate to be a number above 0 and up to 1000, got "0"'],
    [["--rate"], "Option '--rate <value>' argument missing"],
  ])("%j is refused with exit code 2", async (args, message) => {
    const program = Program.start(args);
    expect(await program.exit()).toBe(2);
    expect(program.err).toBe(`${message}. Try --help.\n`);
    expect(program.out).toBe("");
  });

  test("--help explains every option", async () => {
    const program = Program.start(["--help"]);
    expect(await program.exit()).toBe(0);
    for (const option of ["--once", "--seed N", "--rate N", "--help"]) {
      expect(program.out).toContain(option);
    }
  });
});
