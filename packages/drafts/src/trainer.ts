/** The entry for training: strategies, flows of samples, the trainer. */
export { knownStrategies } from './algorithms/known-strategies.ts';
export { readTargetTables } from './algorithms/target-tables.ts';
export { liveFlow, type OpenedRun } from './trainer/live-flow.ts';
export { runContract } from './trainer/run-contract.ts';
export { storedFlow, storedSteps } from './trainer/stored-flow.ts';
export { Trainer } from './trainer/trainer.ts';
