import { Aether, AetherError, type Wave } from "@aether/core";
import { describe, expect, test } from "vitest";
import { createLogger, LOG_LEVELS, type LoggerOptions } from "../src/index.ts";

const CANARY = 's3cr3t-canary"with\\escapes';

/** A logger, and the lines that it has written. */
function logged(options: LoggerOptions = {}) {
  const lines: string[] = [];
  const log = createLogger({ json: true, ...options, destination: { write: (line) => lines.push(line) } });
  const last = (): Record<string, unknown> => JSON.parse(lines.at(-1) ?? "null");
  return { log, lines, last };
}

describe("a logger", () => {
  test("writes JSON lines with time, level, name and message", () => {
    const { log, last } = logged({ name: "service-alpha" });
    log.info("up", { port: 80 });
    expect(last()).toMatchObject({ level: "info", name: "service-alpha", msg: "up", port: 80 });
    expect(Date.parse(String(last()["time"]))).toBeGreaterThan(0);
  });

  test("takes fields and then a message as well", () => {
    const { log, last } = logged();
    log.warn({ port: 80 }, "slow");
    expect(last()).toMatchObject({ level: "warn", msg: "slow", port: 80 });
  });

  test.each(LOG_LEVELS)("at level %s writes that and what is louder", (level) => {
    const { log, lines } = logged({ level });
    for (const one of LOG_LEVELS) {
      log[one]("x");
    }
    expect(lines.map((line) => JSON.parse(line).level)).toEqual(LOG_LEVELS.slice(LOG_LEVELS.indexOf(level)));
  });

  test("changes its level while it runs", () => {
    const { log, lines } = logged();
    log.debug("quiet");
    log.level = "debug";
    log.debug("loud");
    expect(lines).toHaveLength(1);
    expect(log.level).toBe("debug");
  });

  test("refuses a level that is none", () => {
    expect(() => createLogger(JSON.parse('{"level":"loud"}'))).toThrow(
      'Expected `level` to be one of trace, debug, info, warn, error, fatal, silent, got "loud"',
    );
  });

  test("gives its children fields", () => {
    const { log, last } = logged();
    log.child({ service: "beta" }).error("down");
    expect(last()).toMatchObject({ service: "beta", msg: "down" });
  });

  test("names a wave by its id, trace and channel, and puts the one being handled on every line", async () => {
    await using aether = await Aether.connect();
    const { log, lines } = logged({ current: () => aether.current });
    const beta = aether.vibrator("beta");
    const handled = new Promise<Wave>((resolve) => {
      void beta.resonateOn("orders.created", async (wave) => {
        await Promise.resolve();
        log.info("handling");
        resolve(wave);
      });
    });
    await aether.whenHeard("orders.created");
    await aether.vibrator("alpha").emit("orders.created");
    const wave = await handled;
    log.info("later", { wave });
    const about = { wave_id: wave.id, wave_trace: wave.trace, channel: "orders.created" };
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { msg: "handling", ...about },
      { msg: "later", ...about },
    ]);
    log.info("outside");
    expect(lines.at(-1)).not.toContain("wave_id");
  });

  test("writes errors with code, details and cause", () => {
    const { log, last } = logged();
    const error = new AetherError("AETHER_TIMEOUT", "late", { cause: new Error("slow disk"), details: { id: "w1" } });
    log.error("failed", { error });
    expect(last()["error"]).toMatchObject({
      code: "AETHER_TIMEOUT",
      details: { id: "w1" },
      cause: { message: "slow disk" },
    });
  });

  test("never throws, whatever the fields are", () => {
    const { log, last } = logged();
    const hostile = {
      get value() {
        throw new Error("do not look");
      },
    };
    log.info("hostile", hostile);
    expect(last()).toMatchObject({ msg: "hostile", unwritable: "do not look" });
    const round: Record<string, unknown> = {};
    round["self"] = round;
    log.info("round", { round, big: 1n });
    expect(last()["msg"]).toBe("round");
  });

  test("writes no secret, under whatever name, text or error it comes", () => {
    const { log, lines } = logged({ level: "trace", secrets: () => [CANARY] });
    for (const level of LOG_LEVELS) {
      log[level](`in the message: ${CANARY}`);
      log[level]("in a field", { note: CANARY, deep: { deeper: [CANARY] } });
      log[level]("in an error", { error: new Error(CANARY, { cause: new Error(CANARY) }) });
      log[level]("under its name", { password: "hunter22", config: { nats_password: "hunter22" } });
      log.child({ bound: CANARY })[level]("bound");
    }
    expect(lines).toHaveLength(LOG_LEVELS.length * 5);
    const all = lines.join("");
    expect(all).not.toContain("canary");
    expect(all).not.toContain("hunter22");
    expect(all).toContain("[redacted]");
    const { log: control, lines: open } = logged();
    control.info(CANARY);
    expect(open.join("")).toContain("canary");
  });

  test("writes for people where JSON is off", () => {
    const { log, lines } = logged({ json: false, name: "service-alpha" });
    log.info("up", { port: 80 });
    expect(lines[0]).toMatch(/^\[\d\d:\d\d:\d\d\.\d{3}] INFO: service-alpha: up\n {4}port: 80\n$/);
  });
});
