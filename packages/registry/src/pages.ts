/** The atlas's records without zod: types, addresses, and how content problems are reported. */

export {
  type ContentProblem,
  formatContentProblem,
  refuseContentProblems,
} from './content-problem.ts';
export { nameKey } from './name-key.ts';
export { nearestHint, nearestNames } from './nearest-name.ts';
export type {
  CitationRecord,
  GraphRecord,
  PageKind,
  PageRecord,
  TagRecord,
} from './pages/record-schema.ts';
export { pageFolders, routeOf, siteOrigin, sitePort, splitId } from './pages/routes.ts';
export { type TextFiles, textFilesFrom } from './text-files.ts';
