/** Every kind of log record that can be compared with a plan, in the order in which a record is tried. */
import type { RecordReader } from '../engines/contract/log-record.ts';
import { llamaCppRecords } from '../engines/llama-cpp/log-answer.ts';
import { vllmRecords } from '../engines/vllm/log-record.ts';
import { performanceRecords } from './performance-record.ts';

const readers = [performanceRecords, llamaCppRecords, vllmRecords] as const;

export type RecordKind = (typeof readers)[number]['kind'];

export const recordReaders: readonly RecordReader<RecordKind>[] = readers;
export const recordKinds: readonly RecordKind[] = recordReaders.map(({ kind }) => kind);
