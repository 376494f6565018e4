/**
 * The face of the package: plans, deployments, prices and advice. Subpaths of package.json export the parts of a plan:
 * formats, ledger, speed, engines.
 */
export type { Advice } from './advice/advice.ts';
export { type Parallelism, singleDevice } from './bytes/parallelism.ts';
export { type Deployment, solve, usersMax } from './deployment/deployment.ts';
export type { Price } from './deployment/price.ts';
export type { EngineName, PlanRequest } from './engines/engine-list.ts';
export { engineProfile, prepare, prepareIfPossible, refusalOf } from './engines/engines.ts';
export { usualEngine } from './engines/usual-engine.ts';
export { withOwnContext } from './own-context.ts';
export { type Plan, plan, planWithRequests } from './plan.ts';
export type { Workload } from './question/workload.ts';
