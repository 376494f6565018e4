/** The models that people ask for most are planned whole: no plan of theirs lacks weights or cache. */
import { readFileSync } from 'node:fs';
import { dataDirectory } from '@plimsoll/registry/authoring';
import { expect, test } from 'vitest';
import { ledgerBytes } from './bytes/ledger.ts';
import { plan } from './plan.ts';
import { model, request } from './test-models.ts';

const { models }: { readonly models: readonly { readonly id: string }[] } = JSON.parse(
  readFileSync(`${dataDirectory}/most-asked.json`, 'utf8'),
);

test.each(models)('$id has weights and a cache', ({ id }) => {
  expect(model(id).notModelled).toEqual([]);
  const { ledger } = plan(request({ model: id }));
  expect(ledgerBytes(ledger, { category: 'weights' })).toBeGreaterThan(0);
  expect(ledgerBytes(ledger, { category: 'kv-cache' })).toBeGreaterThan(0);
});
