export type { Advice } from './advice.ts';
export {
  contextMaxFor,
  type Deployment,
  type EngineFigures,
  poolTokens,
  type Solution,
  solve,
  usersMax,
  type Workload,
} from './deployment.ts';
export { prepare } from './engines.ts';
export { type KvFormat, kvFormatNames, kvVectorBytes, parseKvFormat } from './kv-format.ts';
export {
  type Derivation,
  diffLedgers,
  formatDifference,
  type Ledger,
  type LedgerCategory,
  type LedgerDifference,
  type LedgerEntry,
  ledgerBytes,
  type MemoryTier,
} from './ledger.ts';
export { deviceCount, type Parallelism, singleDevice } from './parallelism.ts';
export type { SpeedAssumptions } from './performance.ts';
export { type Plan, plan } from './plan.ts';
export { type EngineName, engineNames, type PlanRequest } from './plan-request.ts';
export { elementBytes, parseElementType, weightFormatNames } from './weight-format.ts';
