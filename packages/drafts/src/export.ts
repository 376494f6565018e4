/** The entry for exports: drafts as files that serving engines load, and back. */
export { type Eagle3Draft, putWeights, takeWeights } from './algorithms/eagle3/eagle3-draft.ts';
export type { DraftTarget } from './export/draft-config.ts';
export { writeGgufDraft } from './export/gguf-draft.ts';
export { readHuggingFaceDraft, writeHuggingFaceDraft } from './export/hugging-face-draft.ts';
