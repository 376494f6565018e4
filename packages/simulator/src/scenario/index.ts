export { readScenario, type ScenarioFiles } from './read-scenario.ts';
export { durationSeconds, type Scenario, scenarioSchema } from './scenario-schema.ts';
export { replicaCountOf, requestLimits, workloadOf } from './scenario-workload.ts';
export { parseSlo } from './slo-text.ts';
