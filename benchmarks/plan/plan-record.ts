/** The results of one run of the planner's benchmark, and its machine. */
import type { RunDescription } from '../record/run-description.ts';
import type { ColdTimes } from './cold-command.ts';
import type { GridResult } from './grid.ts';
import type { MlsysimAnswer } from './mlsysim-process.ts';
import type { SolveSpeed } from './solve-speed.ts';

export interface PlanRecord {
  readonly run: RunDescription;
  readonly mlsysimAnswer: MlsysimAnswer | null;
  readonly speed: SolveSpeed;
  readonly grids: readonly GridResult[];
  readonly cold: ColdTimes;
}
