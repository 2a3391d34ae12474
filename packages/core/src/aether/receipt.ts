/** What an emit resolves to. */
export interface Receipt {
  /** Id of the wave. */
  readonly id: string;
  /**
   * `"travelled"`: the medium has it. `"faded"`: too quiet to cross the medium. `"exhausted"`: over the hop limit.
   */
  readonly outcome: "travelled" | "faded" | "exhausted";
  /** Groups that took it, where the medium knows. */
  readonly heard?: number;
  /** Where it was recorded. */
  readonly position?: string;
}
