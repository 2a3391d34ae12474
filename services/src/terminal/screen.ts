/** Where lines go: a terminal with a block that stays at its foot, or anything else, which gets plain lines. */

import { type Line, render } from "./line.ts";

/** The part of `process.stdout` that a screen needs. */
export interface Output {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  write(text: string): unknown;
  on(event: "resize", listener: () => void): unknown;
  off(event: "resize", listener: () => void): unknown;
}

/** Something that lines are written on. */
export interface Screen {
  /** Columns that a line may take; `Infinity` where lines are not cut. */
  readonly width: number;
  /** Whether it has colours, and a foot. */
  readonly live: boolean;
  /** Adds a line. */
  print(line: Line): void;
  /** Asks for `lines` below everything that was printed, instead of those before. Ignored where it is not live. */
  foot(lines: (width: number) => readonly Line[]): void;
  /** Takes the foot away, and leaves the terminal as it was found. Lines can still be printed. */
  close(): void;
}

/** The screen for `output`: live on a terminal, unless `env` asks for plain lines. */
export function screenOf(output: Output, env: Readonly<Record<string, string | undefined>>): Screen {
  const isSet = (name: string): boolean => (env[name] ?? "") !== "";
  const plain = isSet("NO_COLOR") || env["TERM"] === "dumb" || (isSet("CI") && env["CI"] !== "false");
  return output.isTTY === true && !plain ? new LiveScreen(output) : plainScreen(output);
}

function plainScreen(output: Output): Screen {
  const width = output.isTTY ? widthOf(output) : Number.POSITIVE_INFINITY;
  return {
    width,
    live: false,
    print: (line) => void output.write(`${render(line, width)}\n`),
    foot: () => {},
    close: () => {},
  };
}

const HIDE_CURSOR = "\x1b[?25l";
const SHOW_CURSOR = "\x1b[?25h";
const CLEAR_BELOW = "\x1b[J";
const DEFAULT_WIDTH = 80;

/** Columns of a terminal, less the last one: a line that fills it breaks on some. */
function widthOf({ columns = DEFAULT_WIDTH }: Output): number {
  return Math.max(1, columns - 1);
}

/** Lines scroll by above the foot. What is printed in one turn of the event loop is written at once. */
class LiveScreen implements Screen {
  readonly live = true;
  readonly #output: Output;
  #printed: Line[] = [];
  #foot: (width: number) => readonly Line[] = () => [];
  /** Columns of each line of the foot that is on the terminal now. */
  #footColumns: readonly number[] = [];
  #scheduled = false;
  #open = false;
  readonly #onResize = (): void => this.#refresh();

  constructor(output: Output) {
    this.#output = output;
  }

  get width(): number {
    return widthOf(this.#output);
  }

  print(line: Line): void {
    this.#printed.push(line);
    this.#refresh();
  }

  foot(lines: (width: number) => readonly Line[]): void {
    this.#foot = lines;
    if (!this.#open) {
      this.#open = true;
      this.#output.write(HIDE_CURSOR);
      this.#output.on("resize", this.#onResize);
    }
    this.#refresh();
  }

  #refresh(): void {
    if (!this.#scheduled) {
      this.#scheduled = true;
      setImmediate(() => this.#write());
    }
  }

  #write(): void {
    this.#scheduled = false;
    const { width } = this;
    const lines = this.#printed.splice(0).map((line) => `${render(line, width)}\n`);
    const foot = this.#foot(width);
    const erase = this.#erase();
    this.#output.write(`${erase}${lines.join("")}${foot.map((line) => render(line, width)).join("\n")}`);
    this.#footColumns = foot.map((line) =>
      Math.min(
        width,
        line.reduce((sum, [text]) => sum + text.length, 0),
      ),
    );
  }

  /** Back to where the foot begins. A terminal that became narrower has broken its lines. */
  #erase(): string {
    if (this.#footColumns.length === 0) {
      return "";
    }
    const columns = this.width + 1;
    const rows = this.#footColumns.reduce((sum, length) => sum + Math.max(1, Math.ceil(length / columns)), 0);
    return `\r${rows > 1 ? `\x1b[${rows - 1}A` : ""}${CLEAR_BELOW}`;
  }

  close(): void {
    this.#foot = () => [];
    this.#write();
    this.#footColumns = [];
    if (this.#open) {
      this.#open = false;
      this.#output.write(SHOW_CURSOR);
      this.#output.off("resize", this.#onResize);
    }
  }
}
