/** On which line of a TOML document each key stands. The parser of the library does not tell, so this reads it again. */

/** Part of the way to a value: a key, or an index into a list. */
export type Step = string | number;

/** Lines of keys, counted from 1. */
export interface KeyLines {
  /** The line of the key at `path`, or of the nearest key around it. */
  lineOf(path: readonly Step[]): number | undefined;
}

/** Keys deeper than this have the line of the key around them. */
const DEEPEST = 34;

/** The lines of the keys of `text`, which the library has found to be TOML; of anything else, some lines. */
export function keyLines(text: string): KeyLines {
  const lines = new Scan(text).lines();
  return {
    lineOf(path) {
      for (let length = Math.min(path.length, DEEPEST); length > 0; length--) {
        const line = lines.get(nameOf(path.slice(0, length)));
        if (line !== undefined) {
          return line;
        }
      }
      return undefined;
    },
  };
}

function nameOf(path: readonly Step[]): string {
  return JSON.stringify(path);
}

/** A list or an inline table that is open. */
interface Open {
  readonly path: readonly Step[];
  readonly isTable: boolean;
  /** Index of the item, in a list. */
  index: number;
  /** Whether a key comes next, in a table. */
  wantsKey: boolean;
}

const ESCAPES: ReadonlyMap<string, string> = new Map([
  ["b", "\b"],
  ["t", "\t"],
  ["n", "\n"],
  ["f", "\f"],
  ["r", "\r"],
  ["e", "\u001b"],
]);

/** Digits of an escape that names a character by its number. */
const DIGITS: ReadonlyMap<string, number> = new Map([
  ["x", 2],
  ["u", 4],
  ["U", 8],
]);

/** One reading from start to end. Each step goes forward, so it ends whatever it reads. */
class Scan {
  readonly #text: string;
  readonly #lines = new Map<string, number>();
  /** How many tables each list of tables has. */
  readonly #tables = new Map<string, number>();
  #at = 0;
  #line = 1;

  constructor(text: string) {
    this.#text = text;
  }

  lines(): ReadonlyMap<string, number> {
    let table: readonly Step[] = [];
    while (this.#skipBlank()) {
      if (this.#peek() === "[") {
        table = this.#header();
        this.#skipLine();
      } else {
        const path = this.#key(table);
        if (this.#peek() === "=") {
          this.#value(path);
        } else {
          this.#skipLine();
        }
      }
    }
    return this.#lines;
  }

  /** To what stands next, over spaces, line ends and comments; false at the end. */
  #skipBlank(): boolean {
    for (;;) {
      const character = this.#peek();
      if (character === undefined) {
        return false;
      }
      if (character === "#") {
        this.#skipLine();
      } else if (character === " " || character === "\t" || character === "\r" || character === "\n") {
        this.#step();
      } else if (character === "\ufeff" && this.#at === 0) {
        this.#step();
      } else {
        return true;
      }
    }
  }

  /** `[a.b]` or `[[a.b]]`: the path of its table. */
  #header(): readonly Step[] {
    const line = this.#line;
    this.#step();
    const isList = this.#peek() === "[";
    if (isList) {
      this.#step();
    }
    let path: readonly Step[] = [];
    const names = this.#names("]").slice(0, DEEPEST);
    for (const [at, name] of names.entries()) {
      path = below(path, name);
      this.#note(path, line);
      const tables = this.#tables.get(nameOf(path)) ?? 0;
      if (isList && at === names.length - 1) {
        this.#tables.set(nameOf(path), tables + 1);
        path = below(path, tables);
        this.#note(path, line);
      } else if (tables > 0) {
        path = below(path, tables - 1);
      }
    }
    return path;
  }

  /** `a.b` before its `=`, in the table at `around`. */
  #key(around: readonly Step[]): readonly Step[] {
    const line = this.#line;
    let path = around;
    for (const name of this.#names("=").slice(0, DEEPEST)) {
      path = below(path, name);
      this.#note(path, line);
    }
    return path;
  }

  /** The names up to `end`, which stands next then, or to the end of the line. */
  #names(end: string): string[] {
    const names: string[] = [];
    let name: string | undefined;
    for (;;) {
      const character = this.#peek();
      if (character === undefined || character === "\n" || character === end || character === ".") {
        if (name !== undefined) {
          names.push(name);
        }
        if (character !== ".") {
          return names;
        }
        name = undefined;
        this.#step();
      } else if (character === '"' || character === "'") {
        name = this.#string(character);
      } else {
        name = character === " " || character === "\t" || character === "\r" ? name : (name ?? "") + character;
        this.#step();
      }
    }
  }

  /** From the `=` of the key at `path` to the end of its value. */
  #value(path: readonly Step[]): void {
    this.#step();
    const open: Open[] = [];
    let here = path;
    for (;;) {
      const character = this.#peek();
      const inside = open.at(-1);
      if (character === undefined || (character === "\n" && inside === undefined)) {
        return;
      }
      if (character === "#") {
        this.#skipLine();
      } else if (character === "[" || character === "{") {
        open.push({ path: here, isTable: character === "{", index: 0, wantsKey: character === "{" });
        here = below(here, 0);
        this.#step();
      } else if (character === "]" || character === "}") {
        open.pop();
        this.#step();
      } else if (character === "," && inside !== undefined) {
        inside.index++;
        inside.wantsKey = inside.isTable;
        here = below(inside.path, inside.index);
        this.#step();
      } else if (inside?.wantsKey === true && !" \t\r\n".includes(character)) {
        here = this.#key(inside.path);
        inside.wantsKey = false;
      } else if (character === '"' || character === "'") {
        this.#string(character);
      } else {
        this.#step();
      }
    }
  }

  /** A string in the quotes that stand next, without them, and with its escapes undone. */
  #string(quote: string): string {
    const isLong = this.#text.startsWith(quote.repeat(3), this.#at);
    const end = isLong ? quote.repeat(3) : quote;
    this.#step(end.length);
    let value = "";
    for (;;) {
      const character = this.#peek();
      if (character === undefined || (character === "\n" && !isLong)) {
        return value;
      }
      if (this.#text.startsWith(end, this.#at)) {
        this.#step(end.length);
        // Up to two quotes may stand before the three that end it.
        while (isLong && this.#peek() === quote) {
          this.#step();
        }
        return value;
      }
      if (character === "\\" && quote === '"') {
        value += this.#escape();
      } else {
        value += character;
        this.#step();
      }
    }
  }

  #escape(): string {
    this.#step();
    const character = this.#peek() ?? "";
    this.#step();
    const digits = DIGITS.get(character);
    if (digits === undefined) {
      return ESCAPES.get(character) ?? character;
    }
    const number = Number.parseInt(this.#text.slice(this.#at, this.#at + digits), 16);
    this.#step(digits);
    return number >= 0 && number <= 0x10ffff ? String.fromCodePoint(number) : "";
  }

  #peek(): string | undefined {
    return this.#text[this.#at];
  }

  #step(count = 1): void {
    const end = Math.min(this.#at + count, this.#text.length);
    while (this.#at < end) {
      if (this.#text[this.#at] === "\n") {
        this.#line++;
      }
      this.#at++;
    }
  }

  /** To the line end, which stands next then. */
  #skipLine(): void {
    const end = this.#text.indexOf("\n", this.#at);
    this.#at = end === -1 ? this.#text.length : end;
  }

  /** The first line is the one that counts. */
  #note(path: readonly Step[], line: number): void {
    const name = nameOf(path);
    if (!this.#lines.has(name)) {
      this.#lines.set(name, line);
    }
  }
}

/** Bounded, so that a document of nothing but nesting costs no more than any other. */
function below(path: readonly Step[], step: Step): readonly Step[] {
  return path.length >= DEEPEST ? path : [...path, step];
}
