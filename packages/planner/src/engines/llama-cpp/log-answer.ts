/** Reads load logs of llama.cpp as records, and compares them with the planner. */
import { PlimsollError } from '@plimsoll/foundation';
import type { ModelSpec } from '@plimsoll/model-files/spec';
import {
  objectField,
  type RawRecord,
  type RecordAnswer,
  type RecordReader,
  type ReportedFields,
  type Resolver,
} from '../contract/log-record.ts';
import { parseLogRecord } from './log-record.ts';
import { predictLlamaCppRecord } from './predict-record.ts';

export const llamaCppRecords: RecordReader<'llama-cpp'> = {
  kind: 'llama-cpp',
  reportedField: 'reported',
  recognises: (record) => {
    const reported = objectField(record, 'reported');
    return 'model_buffers_mib' in reported || 'kv_self_size_mib' in reported || 'hparams' in record;
  },
  answer: answerRecord,
};

function answerRecord(record: RawRecord, resolver: Resolver): RecordAnswer {
  const reported = objectField(record, 'reported') as ReportedFields;
  const prediction = predictLlamaCppRecord(parseLogRecord(record), {
    resolveSpec: (name) => specOrNull(name, resolver),
  });
  if (!prediction.supported)
    return { id: '', supported: false, reason: prediction.reason, predicted: {}, reported };
  const { predicted, assumptions } = prediction;
  return { id: '', supported: true, predicted: { ...predicted }, reported, assumptions };
}

function specOrNull(name: string, resolver: Resolver): ModelSpec | null {
  try {
    return resolver.model(name);
  } catch (error) {
    if (error instanceof PlimsollError) return null;
    throw error;
  }
}
