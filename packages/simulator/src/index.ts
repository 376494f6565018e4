/** Simulates serving: the production scheduler under a virtual clock, with the step times of the planner. */
export { chromeTrace } from './render/chrome-trace.ts';
export { timelineSvg } from './render/timeline-svg.ts';
export { reportOf } from './report.ts';
export { type SimulationInput, type SimulationOutcome, simulate } from './simulate.ts';
export { meanLengths } from './workload/mean-lengths.ts';
export { readTrace } from './workload/trace.ts';
