/** What a writer is told when words are too many, too few or too hard. */

import { defined } from '@plimsoll/foundation';
import { formatContentProblem } from '@plimsoll/registry/pages';
import { expect, test } from 'vitest';
import type { Messages } from '../read/messages-schema.ts';
import { readSample, sampleSite } from '../sample-site.test-data.ts';
import { proseProblems } from './prose-limits.ts';

const plainSentence = 'A server keeps the weights and the cache of each user in the memory of its card. ';

/** A page whose words keep every limit. */
function soundMessages(): Messages {
  const page = defined(readSample(sampleSite()).pages.get('system.memory'), 'the sample has this page');
  const figure = defined(page.messages.figures?.flow, 'the sample has this figure');
  return {
    ...page.messages,
    description: 'What fills a card when it serves a model, and why it stays full while requests run.',
    summary: [plainSentence.repeat(3).trim()],
    sections: {
      'what-it-is': { title: 'What it is', body: [plainSentence.repeat(3).trim(), ['One.', 'Two.']] },
      growth: { title: 'Growth', body: [`${plainSentence}A token takes {kv-per-token} more of it.`] },
    },
    figures: { flow: { ...figure, caption: 'Weights come first.' } },
  };
}

function told(messages: Messages): readonly string[] {
  const page = defined(readSample(sampleSite()).pages.get('system.memory'), 'the sample has this page');
  const changed = { ...page, messages, locales: new Map([['en', messages]]) };
  return proseProblems(changed, () => '131,072 bytes').map(formatContentProblem);
}

test('words within the limits', () => {
  expect(told(soundMessages())).toEqual([]);
});

test('lengths', () => {
  const sound = soundMessages();
  const flow = defined(sound.figures?.flow, 'the sample has this figure');
  expect(
    told({
      ...sound,
      title: 'M'.repeat(61),
      description: 'D'.repeat(161),
      summary: ['Short.'],
      figures: { flow: { ...flow, alt: 'A picture.' } },
      related: { 'tutorial.memory-wall': 'See also' },
    }),
  ).toMatchInlineSnapshot(`
    [
      "docs/systems/memory/messages/en.json: title: 61 characters in this title, the most is 60",
      "docs/systems/memory/messages/en.json: description: 161 characters in this description, the most is 160",
      "docs/systems/memory/messages/en.json: figures.flow.alt: 10 characters in this alt, the least is 20",
      "docs/systems/memory/messages/en.json: related.tutorial.memory-wall: 8 characters in this reason, the least is 10",
      "docs/systems/memory/messages/en.json: summary: 1 words in this summary, the least is 30",
      "docs/systems/memory/messages/en.json: 82 words in this page, the least is 100",
    ]
  `);
  expect(told({ ...sound, summary: [plainSentence.repeat(6).trim()] })).toMatchInlineSnapshot(`
    [
      "docs/systems/memory/messages/en.json: summary[0]: 102 words in this paragraph, the most is 90",
    ]
  `);
});

test('a sentence that does not end, and a section that says nothing', () => {
  const sound = soundMessages();
  expect(
    told({
      ...sound,
      sections: {
        'what-it-is': { title: 'What it is', body: [`${'a server keeps the cache and '.repeat(8)}ends.`] },
        growth: { title: 'Growth', body: [] },
      },
    }),
  ).toMatchInlineSnapshot(`
    [
      "docs/systems/memory/messages/en.json: sections.what-it-is.body[0]: 49 words in this sentence, the most is 40",
      "docs/systems/memory/messages/en.json: sections.growth.body: the section shows nothing",
    ]
  `);
});

test('words that are too hard', () => {
  const sound = soundMessages();
  const hard =
    'Heterogeneous infrastructure configurations necessitate sophisticated capacity administration. ';
  expect(
    told({
      ...sound,
      sections: {
        'what-it-is': { title: 'What it is', body: [hard.repeat(6).trim(), hard.repeat(6).trim()] },
        growth: { title: 'Growth', body: [hard.repeat(6).trim(), plainSentence.trim()] },
      },
    }),
  ).toMatchInlineSnapshot(`
    [
      "docs/systems/memory/messages/en.json: 27.5 is the reading grade, the most is 9",
    ]
  `);
});

test('the description of a translation is cut in the same place', () => {
  const page = defined(readSample(sampleSite()).pages.get('system.memory'), 'the sample has this page');
  const messages = soundMessages();
  const german = { ...messages, title: 'T'.repeat(90), description: 'D'.repeat(161) };
  const locales = new Map([
    ['en', messages],
    ['de', german],
  ]);
  expect(proseProblems({ ...page, messages, locales }, () => '1').map(formatContentProblem)).toEqual([
    'docs/systems/memory/messages/de.json: description: 161 characters, the most is 160',
  ]);
});
