export type { AcceptanceSummary } from './draft/acceptance.ts';
export { Engine } from './engine.ts';
export type { LoadProgress } from './load/load-weights.ts';
export type { Model } from './load/model.ts';
export { type OpenOptions, openModel } from './load/open-model.ts';
export type { ObservationRequest } from './loop/observation.ts';
export type { StepReport } from './loop/step-report.ts';
export type {
  GenerationChoice,
  GenerationEnd,
  GenerationPiece,
  GenerationRequest,
  GenerationResult,
} from './request/generation.ts';
export type { HiddenCapture } from './request/live-sequence.ts';
export type { Request } from './request/request.ts';
export type { RequestUsage } from './request/request-usage.ts';
export type { SamplerRequest } from './sampling/sampler-params.ts';
export { createEngine, type DraftStart, type EngineStart } from './start/create-engine.ts';
