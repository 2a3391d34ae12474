/** The view: what people see of a running shop. */

import type { Wave } from "@aether/core";
import pc from "picocolors";
import { Board } from "./board.ts";
import { type Colors, endLine, headLine, statusLines, summaryLine, waveLine } from "./lines.ts";
import type { Screen } from "./screen.ts";

/** Shows waves and orders as they come, on a terminal with the state of the shop below. */
export class View {
  readonly board: Board = new Board();
  readonly #screen: Screen;
  readonly #colors: Colors;

  constructor(screen: Screen) {
    this.#screen = screen;
    this.#colors = pc.createColors(screen.live);
  }

  /** Begins: with a line that names the columns. */
  open(): void {
    this.#screen.print(headLine(this.#screen.width, this.#colors));
  }

  /** Keeps the state of the shop in sight under `title`; where the screen cannot, the title becomes a line. */
  status(title: string): void {
    if (this.#screen.live) {
      this.#screen.foot((width) => statusLines(this.board, title, width, this.#colors));
    } else {
      this.#screen.print([[title]]);
    }
  }

  /** Shows `wave`, and the order that it ends. */
  show(wave: Wave): void {
    this.#screen.print(waveLine(wave, this.#screen.width, this.#colors));
    const ended = this.board.see(wave);
    if (ended !== undefined) {
      this.#screen.print(endLine(ended, this.#colors));
    }
  }

  /** Shows something that is no wave. */
  note(text: string): void {
    this.#screen.print([[`~ ${text}`, this.#colors.yellow]]);
  }

  /** Ends: what happened, in one line. */
  close(): void {
    this.#screen.close();
    this.#screen.print(summaryLine(this.board, this.#colors));
  }
}
