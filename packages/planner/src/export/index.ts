/** Exports of a planned deployment: commands, Compose, Kubernetes, Dynamo, KServe, llm-d. */
export { checkExportKind, exportKinds, exportPlan } from './export-plan.ts';
export type { ExpectedLoad } from './exported-plan.ts';
