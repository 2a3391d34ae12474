/** `${NAME}` and `${file:/path}` in texts: what is secret stands outside of the files, and comes in when they are read. */

/** Where the parts come from. Each gives a text, or what is wrong. */
export interface Sources {
  variable(name: string): string | Missing;
  file(path: string): string | Missing;
}

/** Why a part is not there. Neither text holds any of what was found. */
export interface Missing {
  readonly expected: string;
  readonly got: string;
}

const FILE = "file:";
const LONGEST_NAME = 200;

/** Whether `text` has anything to put in. */
export function isInterpolated(text: string): boolean {
  return text.includes("${");
}

/** `text` with everything put in; `$${` is `${` itself. What is put in is not looked at again. */
export function interpolated(text: string, sources: Sources): string | Missing {
  let result = "";
  let at = 0;
  for (;;) {
    const start = text.indexOf("${", at);
    if (start === -1) {
      return result + text.slice(at);
    }
    if (text[start - 1] === "$" && start > at) {
      result += `${text.slice(at, start - 1)}\${`;
      at = start + 2;
      continue;
    }
    const end = text.indexOf("}", start);
    if (end === -1) {
      return { expected: "a text in which `}` ends what begins with a dollar and a brace", got: "one that is not" };
    }
    const part = partOf(text.slice(start + 2, end), sources);
    if (typeof part !== "string") {
      return part;
    }
    result += text.slice(at, start) + part;
    at = end + 1;
  }
}

function partOf(name: string, sources: Sources): string | Missing {
  if (name.startsWith(FILE)) {
    return sources.file(name.slice(FILE.length));
  }
  if (name.length <= LONGEST_NAME && /^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
    return sources.variable(name);
  }
  return { expected: "a text with NAME or file:/path between the braces", got: "something else" };
}
