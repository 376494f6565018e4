import { readFileSync } from 'node:fs';
import speed from '@plimsoll/registry/engines/speed.json' with { type: 'json' };
import { expect, test } from 'vitest';
import { dataWithoutSources, withoutWords } from './data-without-sources.ts';

test('values stay, words about them go', () => {
  const text = JSON.stringify(speed);
  const kept = JSON.parse(withoutWords(text));
  expect(kept.formatEfficiency.value).toEqual(speed.formatEfficiency.value);
  expect(kept.profiles[0].computeEfficiency).toBe(speed.profiles[0]?.computeEfficiency);
  expect(JSON.stringify(kept)).not.toMatch(/"(provenance|about|note)":/);
  expect(JSON.stringify(kept).length).toBeLessThan(0.7 * text.length);
});

test('only the data of engines is changed', () => {
  const path = import.meta.resolve('@plimsoll/registry/engines/speed.json').replace('file://', '');
  const { transform } = dataWithoutSources();
  expect(transform(readFileSync(path, 'utf8'), path)).not.toBeNull();
  expect(transform('{"note": 1}', '/packages/registry/data/models/org/name.json')).toBeNull();
});
