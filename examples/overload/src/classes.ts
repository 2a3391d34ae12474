/** The traffic: few critical waves, some normal ones, and a lot of bulk. */

/** Name of a class of waves; they are emitted on `work.<name>`. */
export type ClassName = "critical" | "normal" | "bulk";

/** One class of waves: its share of all, and where its amplitudes lie. */
export interface WaveClass {
  readonly name: ClassName;
  readonly share: number;
  readonly quietest: number;
  readonly loudest: number;
}

const bulk: WaveClass = { name: "bulk", share: 0.6, quietest: 0.05, loudest: 0.25 };

export const CLASSES: readonly WaveClass[] = [
  { name: "critical", share: 0.1, quietest: 0.8, loudest: 1 },
  { name: "normal", share: 0.3, quietest: 0.4, loudest: 0.6 },
  bulk,
];

/** The class of waves on `channel`; `undefined` for one that is not of this traffic. */
export function classOn(channel: string): ClassName | undefined {
  return CLASSES.find(({ name }) => channel === `work.${name}`)?.name;
}

/** The class that `chance`, from 0 up to 1, falls into. */
export function classAt(chance: number): WaveClass {
  let left = chance;
  return (
    CLASSES.find(({ share }) => {
      left -= share;
      return left < 0;
    }) ?? bulk
  );
}
