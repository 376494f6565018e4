/** Searches replicas, layouts and formats for the deployment that holds SLOs at the least cost. */
export { type OfferedLoad, offeredLoad } from './offered-load.ts';
export { type OptimizeResult, optimize, runnerUpOf } from './optimize.ts';
export {
  hourlyUsd,
  type Objective,
  objectives,
  paretoFront,
  type ReplicaOption,
  type Trial,
  tightest,
} from './trial.ts';
