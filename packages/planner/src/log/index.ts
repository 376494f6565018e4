/** Logs of engines: what they state, and how it compares with a plan. */
export type { EngineLog } from './engine-log.ts';
export {
  asPrinted,
  type ComparedFigure,
  comparedFigures,
  type LogChange,
  startingChanges,
} from './log-comparison.ts';
export { LogReader, type LogReading } from './log-reader.ts';
