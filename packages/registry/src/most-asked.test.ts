/** The list of the models that people ask for: its form, and that every one of them is found by its name. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { dataDirectory, listModels, resolveModel } from './node-registry.ts';

const asked = z.array(z.strictObject({ url: z.url(), date: z.iso.date() })).min(1);
const listSchema = z.strictObject({
  id: z.literal('most-asked'),
  name: z.string().min(1),
  /** The first and the last day whose mentions count. */
  since: z.iso.date(),
  until: z.iso.date(),
  note: z.string().min(1),
  /** Repositories at the counted commit. */
  countedIn: z.array(z.string().regex(/^[\w.-]+\/[\w.-]+@[0-9a-f]{12}$/)).min(1),
  models: z.array(
    z.strictObject({
      id: z.string(),
      mentions: z.int().positive(),
      repositories: z.int().positive(),
      asked,
    }),
  ),
  withoutRecord: z.array(
    z.strictObject({ id: z.string(), mentions: z.int().nonnegative(), asked, why: z.string().min(1) }),
  ),
});

const list = listSchema.parse(JSON.parse(readFileSync(`${dataDirectory}/most-asked.json`, 'utf8')));

test('40 models, each once, by falling mentions, asked for in the counted time', () => {
  expect(list.models.length).toBe(40);
  expect(new Set(list.models.map(({ id }) => id)).size).toBe(40);
  const mentions = list.models.map((model) => model.mentions);
  expect(mentions).toEqual(mentions.toSorted((left, right) => right - left));
  for (const { id, asked: places } of [...list.models, ...list.withoutRecord]) {
    for (const { date } of places) expect(date >= list.since, id).toBe(true);
  }
});

test('each model resolves by its id and by its bare name; a model without a record is unknown', () => {
  for (const { id } of list.models) {
    expect(resolveModel(id).id).toBe(id);
    expect(resolveModel(id.slice(id.indexOf('/') + 1)).id).toBe(id);
  }
  const known = new Set(listModels().map(({ id }) => id));
  expect(list.withoutRecord.filter(({ id }) => known.has(id))).toEqual([]);
});
