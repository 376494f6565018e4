import { objectField, type RawRecord, type RecordAnswer, type ReportedFields, textField } from './record.ts';
import type { Resolver } from './vllm-record.ts';

export function predictPerformanceRecord(record: RawRecord, _resolver: Resolver): RecordAnswer {
  return {
    id: textField(record, 'id') ?? '',
    supported: false,
    reason: 'performance records are not predicted yet',
    predicted: {},
    reported: objectField(record, 'measured') as ReportedFields,
  };
}
