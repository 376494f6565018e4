/** How the devices of a replica share its steps. */
import type { LoadEntry } from '@plimsoll/planner/speed';

export interface ReplicaLayout {
  /** Schedulers that compute each step together. */
  readonly dataGroups: number;
  /** Share of a step's seconds in each stage of the pipeline. */
  readonly stageShares: readonly number[];
  /** Seconds of a step of all data groups, through all stages. */
  readonly stepSeconds: (groups: readonly (readonly LoadEntry[])[]) => number;
  /** Seconds from a stage to the next for this number of tokens. */
  readonly hopSeconds: (tokens: number) => number;
}
