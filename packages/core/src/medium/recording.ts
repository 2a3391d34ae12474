/** A recording: what makes a medium durable that is not, as a journal does. */

import type { Medium } from "./medium.ts";

/** What makes media durable that are not, such as a journal. */
export interface Recording {
  /** `medium` with the trait `durable`, and a recorder on every link. */
  over(medium: Medium): Medium;
}
