/** Samples tokens from logits and verifies drafts, without an engine. */
export { AcceptanceStatistics, expectedSpeedup, expectedTokensPerStep } from './draft/acceptance.ts';
export { draftFromHistory, type PromptLookupOptions } from './draft/prompt-lookup.ts';
export {
  type Distribution,
  type Draft,
  type Verdict,
  verifyDraft,
  verifyDraftGreedily,
} from './draft/speculative.ts';
export { breakersFromText } from './sampling/dry-breakers.ts';
export type { SampledLogprobs, TokenLogprob } from './sampling/log-probabilities.ts';
export { createSampler, type Sample, type Sampler } from './sampling/sampler.ts';
export type { DryParams, MirostatParams, SamplerParams } from './sampling/sampler-params.ts';
