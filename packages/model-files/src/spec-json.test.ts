import { expect, test } from 'vitest';
import { records, specOf } from './config/registry-records.test-data.ts';
import { modelSpecFromJson, modelSpecToJson } from './spec-json.ts';

test('a round trip keeps every registry model, and equal layers stay one object', () => {
  for (const record of records) {
    const spec = specOf(record);
    const back = modelSpecFromJson(modelSpecToJson(spec));
    expect(back, record.id).toEqual(spec);
    expect(new Set(back.layers).size, record.id).toBe(new Set(spec.layers).size);
  }
});

test('a spec of many layers is a few kilobytes', () => {
  const longest = records.map(specOf).reduce((a, b) => (b.layers.length > a.layers.length ? b : a));
  expect(longest.layers.length).toBeGreaterThan(100);
  expect(modelSpecToJson(longest).length).toBeLessThan(12_288);
});
