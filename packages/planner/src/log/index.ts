/** Reads logs of engines and compares them with plans. */
export type { EngineLog } from './engine-log.ts';
export {
  asPrinted,
  type ComparedFigure,
  comparedFigures,
  type LogChange,
  startingChanges,
} from './log-comparison.ts';
export { LogReader, type LogReading } from './log-reader.ts';
