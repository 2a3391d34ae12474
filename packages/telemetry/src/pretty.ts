/** Pretty: a line of JSON as people like to read it. */

import { prettyFactory } from "pino-pretty";

const SETTINGS = {
  translateTime: "HH:MM:ss.l",
  ignore: "pid,hostname,name",
  messageFormat: "{if name}{name}: {end}{msg}",
};
const coloured = prettyFactory({ ...SETTINGS, colorize: true });
const plain = prettyFactory({ ...SETTINGS, colorize: false });

/** `line`, for people; in colours on a terminal. */
export function pretty(line: string, colours: boolean): string {
  return (colours ? coloured : plain)(line) ?? line;
}
