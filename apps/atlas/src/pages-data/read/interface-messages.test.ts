import { formatContentProblem, textFilesFrom } from '@plimsoll/registry/pages';
import { expect, test } from 'vitest';
import { readInterfaceMessages } from './interface-messages.ts';

const english = {
  interface: { page: { related: 'Related', tags: 'Tags' } },
  tags: { 'tag.capacity': { label: 'Capacity', description: 'How much fits.' } },
};
const tags = new Map([
  ['tag.capacity', { file: 'data', record: { id: 'tag.capacity', kind: 'tag' as const, slug: 'capacity' } }],
]);

function read(files: Readonly<Record<string, unknown>>) {
  const texts = Object.entries(files).map(([path, words]) => [path, JSON.stringify(words)]);
  return readInterfaceMessages(textFilesFrom('messages', Object.fromEntries(texts)), tags);
}

test('a second locale falls back to English, and is told what it lacks', () => {
  const german = {
    interface: { page: { tags: 'Schlagworte' } },
    tags: { 'tag.capacity': { label: 'Platz' } },
  };
  const { tagLabels, untranslated, problems } = read({ 'en.json': english, 'de.json': german });
  expect(problems).toEqual([]);
  expect(tagLabels.get('de')?.get('tag.capacity')).toBe('Platz');
  expect(untranslated.get('de')).toEqual(['interface.page.related', 'tags.tag.capacity.description']);
});

test.each([
  ['a tag without a label', { 'en.json': { ...english, tags: {} } }],
  [
    'a label of no tag',
    { 'en.json': { ...english, tags: { ...english.tags, 'tag.speed': english.tags['tag.capacity'] } } },
  ],
  [
    'a label without a description',
    { 'en.json': { ...english, tags: { 'tag.capacity': { label: 'Capacity' } } } },
  ],
  [
    'a key that English does not have',
    { 'en.json': english, 'de.json': { interface: { page: { tag: 'x' } } } },
  ],
  ['no English', { 'de.json': english }],
])('%s is refused', (_, files) => {
  expect(read(files).problems.map(formatContentProblem)).toMatchSnapshot();
});
