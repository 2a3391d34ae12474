/** How waves, orders and the state of the shop look: one line each. */

import type { Wave, WaveKind } from "@aether/core";
import type pc from "picocolors";
import type { Board, Ended } from "./board.ts";
import { factsOf, money, told } from "./facts.ts";
import type { Line, Paint, Span } from "./line.ts";

/** The colours of a terminal; on one without, each gives the text back as it is. */
export type Colors = ReturnType<typeof pc.createColors>;

const CELLS = 8;
/** Columns from which on the amplitude is written as a number too. */
const ROOMY = 100;
/** As wide as the widest of each. */
const CHANNEL = 22;
const SOURCE = 14;
const ORDER = 9;

/** What the columns of {@link waveLine} hold. */
export function headLine(width: number, colors: Colors): Line {
  const text = `  ${"channel".padEnd(CHANNEL)}${(width < ROOMY ? "loudness" : "amplitude").padEnd(width < ROOMY ? 8 : 13)}`;
  return [[`${text} hop  ${"source".padEnd(SOURCE)}${"order".padEnd(ORDER)}`, colors.dim]];
}

/** `wave` with its kind, channel, amplitude, hops, source, order, and what it says. */
export function waveLine(wave: Wave, width: number, colors: Colors): Line {
  const { kind, channel, amplitude, hops, source } = wave;
  const family = familyOf(channel, colors);
  const facts = factsOf(wave.payload);
  return [
    [`${SIGNS[kind] ?? " "} `, colors.bold],
    [channel.padEnd(CHANNEL), amplitude >= 0.7 ? (text) => colors.bold(family(text)) : family],
    ...bar(amplitude, family, colors),
    [width < ROOMY ? "" : ` ${amplitude.toFixed(2)}`, colors.dim],
    [`${hops}`.padStart(4)],
    [`  ${source.padEnd(SOURCE)}`, colors.dim],
    [`${(facts.orderId ?? "").padEnd(ORDER - 1)} `],
    [told(facts)],
  ];
}

/** What is not an event shows it. */
const SIGNS: { readonly [K in WaveKind]?: string } = { command: "!", query: "?", broadcast: "*" };

/** A colour for each family of channels. */
function familyOf(channel: string, colors: Colors): Paint {
  const paints: Readonly<Record<string, Paint>> = {
    orders: colors.cyan,
    inventory: colors.yellow,
    payments: colors.magenta,
  };
  return paints[channel.slice(0, channel.indexOf("."))] ?? colors.white;
}

/** The amplitude in eighths. */
function bar(amplitude: number, full: Paint, colors: Colors): Span[] {
  const filled = Math.round(amplitude * CELLS);
  return [
    ["▮".repeat(filled), full],
    ["▯".repeat(CELLS - filled), colors.dim],
  ];
}

/** How an order ended. */
export function endLine({ orderId, outcome, facts, waves, hops, durationMs }: Ended, colors: Colors): Line {
  const good = outcome === "completed";
  const paint = good ? colors.green : colors.red;
  return [
    [`${good ? "✔" : "✖"} order ${orderId} ${outcome}`, (text) => colors.bold(paint(text))],
    [`  ${told(facts)}`, paint],
    [`  ${waves} waves, ${hops} hops, ${Math.round(durationMs)} ms`, colors.dim],
  ];
}

/** The state of the shop, as a block below the waves. */
export function statusLines(board: Board, title: string, width: number, colors: Colors): Line[] {
  const { going, completed, cancelled } = board;
  const label = (text: string): Span => [text.padEnd(8), colors.dim];
  const way = going.map(
    ({ orderId, stage }): Span => [`${orderId} ${stage}  `, stage === "paying" ? colors.magenta : undefined],
  );
  const rule = "─".repeat(Math.max(0, width - title.length - 3));
  return [
    [[`${rule} ${title} ─`, colors.dim]],
    [
      label("orders"),
      [`${going.length} on the way`, colors.bold],
      ["   "],
      [`${completed} completed`, colors.green],
      ["   "],
      [`${cancelled} cancelled`, colors.red],
    ],
    [label("on way"), ...(way.length > 0 ? way : [["none", colors.dim] as const])],
    [label("stock"), ...stockSpans(board, colors)],
  ];
}

function stockSpans({ levels }: Board, colors: Colors): Span[] {
  return [...levels].flatMap(([sku, left]): Span[] => [
    [`${sku} `],
    [`${left}`.padEnd(5), left === 0 ? colors.red : left < 5 ? colors.yellow : colors.bold],
  ]);
}

/** The last line of a run. */
export function summaryLine({ completed, cancelled, going, turnover }: Board, colors: Colors): Line {
  const ended = completed + cancelled;
  const orders = ended === 1 ? "order" : "orders";
  const open = going.length > 0 ? `, ${going.length} left on the way` : "";
  return [
    [`${ended} ${orders}: ${completed} completed, ${cancelled} cancelled${open} · ${money(turnover)}`, colors.bold],
  ];
}
