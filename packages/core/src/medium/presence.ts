/** A presence: who listens, where, and with whom it shares the work. */

/** Who listens, as others may know it. */
export interface Presence {
  /** Name of the vibrator. */
  readonly vibrator: string;
  /** Id of the vibrator's instance. */
  readonly instance: string;
  readonly pattern: string;
  /** Name of the group that shares the work; false: every instance hears every wave. */
  readonly group: string | false;
  /** Name of the resonance inside its group. */
  readonly name: string;
  /** Whether it leaves what it would hear to others of its group, at the moment. */
  readonly aside?: boolean;
}
