/** The entry for training: strategies, flows of samples, the trainer. */
export { knownStrategies } from './algorithms/known-strategies.ts';
export { readTargetTables } from './algorithms/target-tables.ts';
export { openFeatures } from './topology/feature-place.ts';
export { ledgerRun } from './topology/ledger-run.ts';
export { liveFlow, type OpenRun } from './trainer/live-flow.ts';
export { runContract } from './trainer/run-contract.ts';
export { storedFlow, storedSteps } from './trainer/stored-flow.ts';
export { Trainer } from './trainer/trainer.ts';
