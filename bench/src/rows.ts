/** Every row of the in-process bench, in the order of the table of bars. */

import type { Row } from "./row.ts";
import { causalityRows } from "./rows/causality.ts";
import { emitRows } from "./rows/emit.ts";
import { floorRows } from "./rows/floor.ts";
import { groupRows } from "./rows/group.ts";
import { journalRows } from "./rows/journal.ts";
import { memoryRows } from "./rows/memory.ts";
import { natsRows } from "./rows/nats.ts";
import { natsFloorRows } from "./rows/nats-floor.ts";
import { patternRows } from "./rows/patterns.ts";
import { pullRows } from "./rows/pull.ts";
import { queryRows } from "./rows/query.ts";
import { resilienceRows } from "./rows/resilience.ts";
import { telemetryRows } from "./rows/telemetry.ts";

export const rows: readonly Row[] = [
  ...emitRows,
  ...patternRows,
  ...pullRows,
  ...queryRows,
  ...causalityRows,
  ...floorRows,
  ...groupRows,
  ...memoryRows,
  ...natsRows,
  ...journalRows,
  ...natsFloorRows,
  ...telemetryRows,
  ...resilienceRows,
];
