/** Draft models of speculative decoding: their training data, and the targets that compute it. */
export { answerFormOf, type ChatRenderer } from './data/chat-renderer.ts';
export type { EncodingOptions } from './data/encoded-prompt.ts';
export { PromptPlan, type PromptPlanOptions } from './data/prompt-plan.ts';
export {
  draftOffsets,
  storedVocabularyMap,
  VocabularyCounter,
  type VocabularyMap,
} from './data/vocabulary-map.ts';
