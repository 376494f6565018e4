/** Closed forms and small searches over plans: batching, queues, pools, prices. `plimsoll solve` runs them. */
export type { OutputSpec, OutputValue, Solver, SolverResult } from './solver.ts';
export { flagOf, type InputSpec, rangeText } from './solver-inputs.ts';
export { solverPage } from './solver-page.ts';
export { solverNamed, solvers } from './solvers.ts';
export type { Subject } from './subject.ts';
