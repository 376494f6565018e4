import { expect, test } from 'vitest';
import regions from '../data/regions.json' with { type: 'json' };
import { regionsSchema } from './region-schema.ts';

test('regions have the fields of the schema, one record each, in order, with dated sources', () => {
  const { regions: records, provenance } = regionsSchema.parse(regions);
  const ids = records.map(({ id }) => id);
  expect(ids).toEqual([...new Set(ids)].toSorted());
  for (const { url } of Object.values(provenance)) expect(url).toMatch(/^https:/);
  expect(provenance.carbon.date).toBeDefined();
});
