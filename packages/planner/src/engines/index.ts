/** What is known of engines without planning, and how their command lines are read: light enough for a page. */
export { type TranslatedLine, translateLine } from './command-line.ts';
export {
  type AnyOptions,
  type EngineName,
  engineFace,
  engineFaces,
  engineNamed,
  engineNames,
} from './engine-list.ts';
export { usualDraftTokens } from './plimsoll/options.ts';
