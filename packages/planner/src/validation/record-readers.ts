/**
 * Readers of every kind of log record that can be compared with a plan. The first reader that recognises a record
 * answers it.
 */
import type { RecordReader } from '../engines/contract/log-record.ts';
import { llamaCppRecords } from '../engines/llama-cpp/log-answer.ts';
import { sglangRecords } from '../engines/sglang/log-record.ts';
import { tensorrtLlmRecords } from '../engines/tensorrt-llm/log-record.ts';
import { vllmRecords } from '../engines/vllm/log-record.ts';
import { type LoopSimulator, performanceRecords } from './performance-record.ts';

const logReaders = [sglangRecords, tensorrtLlmRecords, llamaCppRecords, vllmRecords] as const;

export type RecordKind = 'performance' | (typeof logReaders)[number]['kind'];

/** `simulateLoop` predicts benchmarks of many requests in place of closed forms. */
export function recordReaders(simulateLoop?: LoopSimulator): readonly RecordReader<RecordKind>[] {
  return [performanceRecords(simulateLoop), ...logReaders];
}

export const recordKinds: readonly RecordKind[] = recordReaders().map(({ kind }) => kind);
