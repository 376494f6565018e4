/** The facts of engines that need no planning, and the translation of their command lines: light enough for a page. */
export { contextTooLong, usualContext } from '../question/usual-context.ts';
export { type TranslatedLine, translateLine } from './command-line.ts';
export { memoryShort } from './contract/start.ts';
export { policyOf } from './contract/step-policy.ts';
export {
  type AnyOptions,
  type EngineName,
  engineFace,
  engineFaces,
  engineNamed,
  engineNames,
} from './engine-list.ts';
export { modelNames } from './paste/model-names.ts';
export { type PastedEngine, pastedEngines } from './paste/pasted-engines.ts';
export { type CommandReading, contextOfModel, readCommand, readPrintedFlags } from './paste/read-command.ts';
export { usualDraftTokens } from './plimsoll/options.ts';
