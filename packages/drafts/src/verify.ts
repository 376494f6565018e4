/** The entry for evaluating a finished draft: real verification through the engine, and what training promised. */
export { simulateEagle3 } from './algorithms/eagle3/eagle3-evaluation.ts';
export { acceptanceRates, acceptedLength } from './verify/acceptance-counts.ts';
export { type DraftVerification, type HeldOutPrompt, verifyDraftedAnswers } from './verify/draft-verify.ts';
export { EvalCache } from './verify/eval-cache.ts';
