/** Predictions against what engines printed; every log's source is in load-logs.json. */
import { assert, describe, expect, it } from 'vitest';
import { ggufFileBytes } from '../../gguf-recipes/gguf-spec.ts';
import logs from './load-logs.json' with { type: 'json' };
import { parseLogRecord } from './log-record.ts';
import { type PredictedLog, predictLlamaCppRecord } from './predict-record.ts';
import { specFromHparams } from './spec-from-hparams.ts';

const records = logs.records.map(parseLogRecord);
const noRegistry = { resolveSpec: () => null };

/** Logs print two digits after the point. */
const printedMib = 0.006;

describe.each(records.map((record) => [record.id, record] as const))('%s', (_id, record) => {
  const prediction = predictLlamaCppRecord(record, noRegistry);
  assert(prediction.supported);
  const { predicted } = prediction;

  it.each(['kv_buffers_mib', 'compute_buffers_mib'] as const)('%s', (field) => {
    for (const [name, size] of Object.entries(record.reported[field] ?? {})) {
      const tolerance = printedMib + (name.startsWith('Vulkan') ? 0.02 : 0);
      expect(Math.abs((predicted[field][name] ?? 0) - size), name).toBeLessThan(tolerance);
    }
  });

  it('output_buffer_mib', () => {
    expect(Math.abs(predicted.output_buffer_mib - (record.reported.output_buffer_mib ?? 0))).toBeLessThan(
      printedMib,
    );
  });

  it('model_buffers_mib within one percent', () => {
    if (Object.keys(predicted.model_buffers_mib).length === 0) return;
    for (const [name, size] of Object.entries(record.reported.model_buffers_mib ?? {})) {
      expect(Math.abs((predicted.model_buffers_mib[name] ?? 0) / size - 1), name).toBeLessThan(0.01);
    }
  });
});

it('predicts file sizes within one percent', () => {
  const sizes = logs.records.flatMap((fields, index) => {
    const record = records[index];
    if (record === undefined || record.arch === null || fields.file_size_gib === null) return [];
    const spec = specFromHparams(record);
    return [
      {
        id: record.id,
        gib: ggufFileBytes(spec, record.fileType ?? '') / 1024 ** 3,
        printed: fields.file_size_gib,
      },
    ];
  });
  expect(sizes.length).toBeGreaterThan(8);
  for (const { id, gib, printed } of sizes) expect(Math.abs(gib / printed - 1), id).toBeLessThan(0.01);
});

it('does not read sizes that were printed', () => {
  const blind = (record: (typeof logs.records)[number]): unknown => {
    const zeroed = Object.fromEntries(
      Object.entries(record.reported).map(([field, value]) => [
        field,
        value !== null && typeof value === 'object'
          ? Object.fromEntries(Object.keys(value).map((name) => [name, 0]))
          : 0,
      ]),
    );
    return { ...record, reported: zeroed };
  };
  const predict = (value: unknown): PredictedLog | string => {
    const result = predictLlamaCppRecord(parseLogRecord(value), noRegistry);
    return result.supported ? result.predicted : result.reason;
  };
  for (const record of logs.records) expect(predict(blind(record)), record.id).toEqual(predict(record));
});

it('a record without slots has the four slots of the server where the build takes them', () => {
  const [first] = logs.records;
  const assumed = (build: string, notes = ''): readonly string[] => {
    const record = parseLogRecord({ ...first, build, notes, n_seq_max: null });
    const result = predictLlamaCppRecord(record, noRegistry);
    assert(result.supported);
    return result.assumptions;
  };
  const four = '4 slots, as the server takes without -np';
  expect(assumed('llama.cpp b7445')).toContain(four);
  expect(assumed('llama.cpp b6000')).not.toContain(four);
  expect(assumed('llama.cpp b7445', 'llama-cli -m x')).not.toContain(four);
});
