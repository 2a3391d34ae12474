/** The terminal: what is written on a live one, and that payloads cannot control it. */

import { describe, expect, test } from "vitest";
import { render } from "../src/terminal/line.ts";
import { notesTo } from "../src/terminal/notes.ts";
import { type Output, screenOf } from "../src/terminal/screen.ts";

/** A terminal of `columns` that keeps what is written on it. */
function terminal(columns: number): Output & { readonly written: string[] } {
  const written: string[] = [];
  return { isTTY: true, columns, written, write: (text) => void written.push(text), on: () => {}, off: () => {} };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("a line", () => {
  test("is cut to its width before it is coloured", () => {
    const red = (text: string): string => `<${text}>`;
    expect(render([["abc"], ["defgh", red]], 6)).toBe("abc<de>…");
    expect(render([["abc"], ["def", red]], 6)).toBe("abc<def>");
    expect(render([["abc   "], ["   ", red]])).toBe("abc");
  });

  test("takes everything out of a text that could control the terminal", () => {
    expect(render([["a\u001b[2Jb\nc\u202ed\u0007"]])).toBe("a·[2Jb·c·d·");
  });
});

describe("a screen", () => {
  test("on a terminal keeps its foot below what is printed, and leaves no trace of it", async () => {
    const output = terminal(20);
    const screen = screenOf(output, {});
    screen.foot((width) => [[["-".repeat(width)]], [["foot"]]]);
    screen.print([["one"]]);
    await turn();
    screen.print([["two"]]);
    await turn();
    screen.close();
    screen.print([["bye"]]);
    await turn();
    const foot = `${"-".repeat(19)}\nfoot`;
    expect(output.written).toEqual([
      "\u001b[?25l",
      `one\n${foot}`,
      `\r\u001b[1A\u001b[Jtwo\n${foot}`,
      "\r\u001b[1A\u001b[J",
      "\u001b[?25h",
      "bye\n",
    ]);
  });

  test.each([[{ NO_COLOR: "1" }], [{ CI: "true" }], [{ TERM: "dumb" }]])("with %j is plain, and cut", (env) => {
    const output = terminal(10);
    const screen = screenOf(output, env);
    expect(screen.live).toBe(false);
    screen.foot(() => [[["foot"]]]);
    screen.print([["0123456789"]]);
    screen.close();
    expect(output.written).toEqual(["01234567…\n"]);
  });
});

test("what services log is shown as notes in one line, from warnings on", () => {
  const notes: string[] = [];
  const log = notesTo((note) => notes.push(note));
  log.info("The journal is open");
  log.warn("An order asks again that is long over", { service: "service-beta", orderId: "7-1" });
  log.error("The disk has failed", { error: new Error("first line\nsecond line") });
  expect(notes).toEqual([
    "service-beta: An order asks again that is long over (order 7-1)",
    "The disk has failed: first line second line",
  ]);
});
