/** A line of the terminal: pieces of text with their colours, cut to a width before the colours are put on. */

/** Puts a colour on a text. */
export type Paint = (text: string) => string;

/** A piece of a line. */
export type Span = readonly [text: string, paint?: Paint | undefined];

export type Line = readonly Span[];

/** `line` as it is written, in at most `width` columns. Nothing in it can control the terminal but its colours. */
export function render(line: Line, width: number = Number.POSITIVE_INFINITY): string {
  const whole = line.map(([text, paint]): Span => [harmless(text), paint]);
  const last = whole.findLastIndex(([text]) => text.trimEnd() !== "");
  const length = whole.slice(0, last + 1).reduce((sum, [text]) => sum + text.length, 0);
  let left = length > width ? Math.max(0, width - 1) : width;
  let written = "";
  for (const [index, [text, paint]] of whole.slice(0, last + 1).entries()) {
    const piece = (index === last ? text.trimEnd() : text).slice(0, left);
    left -= piece.length;
    written += paint === undefined || piece === "" ? piece : paint(piece);
  }
  return length > width ? `${written}…` : written;
}

/** Payloads come from anybody: what could move the cursor or turn the text around is taken out. */
function harmless(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "·");
}
