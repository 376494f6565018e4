/** The entry for the parts of a trainer: steps, counts, evaluation, trackers. */
export { ConsoleTracker } from '../trackers/console-tracker.ts';
export { EventFileTracker } from '../trackers/event-file-tracker.ts';
export { JsonLinesTracker } from '../trackers/json-lines-tracker.ts';
export { metricValues, SafeTrackers, type Tracker } from '../trackers/tracker.ts';
export { evaluate } from './evaluate.ts';
export type { ResumeContract } from './resume-contract.ts';
export { addCounts, metricsOf, noCounts, type RunCounts, type RunMetrics } from './run-counts.ts';
export type { OptimizerSettings, RunProgress, StepOutcome } from './trainer-core.ts';
