export type { SpeculationQuestion } from '../speculation-model.ts';
export { readScenario, type ScenarioFiles } from './read-scenario.ts';
export { poolScenarios } from './scenario-pools.ts';
export { gridOf } from './scenario-region.ts';
export {
  type PreparedScenario,
  type ScenarioAnswer,
  scenarioAnswer,
  simulationInput,
  stepLimitOf,
} from './scenario-run.ts';
export { type Scenario, scenarioSchema } from './scenario-schema.ts';
export { draftsOf, speculationQuestion } from './scenario-speculation.ts';
export { replicaLayoutOf, requestLimits, workloadOf } from './scenario-workload.ts';
export { parseSlo } from './slo-text.ts';
