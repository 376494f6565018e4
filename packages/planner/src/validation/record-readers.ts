/**
 * Readers of every kind of log record that can be compared with a plan. The first reader that recognises a record
 * answers it.
 */
import type { RecordReader } from '../engines/contract/log-record.ts';
import { llamaCppRecords } from '../engines/llama-cpp/log-answer.ts';
import { sglangRecords } from '../engines/sglang/log-record.ts';
import { tensorrtLlmRecords } from '../engines/tensorrt-llm/log-record.ts';
import { vllmRecords } from '../engines/vllm/log-record.ts';
import { performanceRecords } from './performance-record.ts';

const readers = [
  performanceRecords,
  sglangRecords,
  tensorrtLlmRecords,
  llamaCppRecords,
  vllmRecords,
] as const;

export type RecordKind = (typeof readers)[number]['kind'];

export const recordReaders: readonly RecordReader<RecordKind>[] = readers;
export const recordKinds: readonly RecordKind[] = recordReaders.map(({ kind }) => kind);
