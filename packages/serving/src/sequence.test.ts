import { seconds } from '@plimsoll/foundation';
import { expect, test } from 'vitest';
import { sequenceId } from './ids.ts';
import { type KeyedSpan, Sequence, type SequenceState } from './sequence.ts';

function sequence(spans: readonly KeyedSpan[] = [], extraKey = ''): Sequence {
  const request = { prompt: [1, 2, 3], outputTokensMax: 2, spans, extraKey };
  return new Sequence({ id: sequenceId(7), request, rank: 0, submittedAt: seconds(0), groupCount: 1 });
}

const paths: Readonly<Record<SequenceState, readonly SequenceState[]>> = {
  waiting: [],
  receiving: ['receiving'],
  prefilling: ['prefilling'],
  decoding: ['prefilling', 'decoding'],
  preempted: ['prefilling', 'preempted'],
  sending: ['prefilling', 'sending'],
  finished: ['finished'],
};

test('every pair of states: the transition is taken or is a bug', () => {
  const states = Object.keys(paths) as SequenceState[];
  const table = states.map((from) => {
    const taken = states.filter((to) => {
      const one = sequence();
      one.computedTokens = 2;
      for (const state of paths[from]) one.become(state);
      try {
        one.become(to);
        return true;
      } catch (error) {
        expect(error).toMatchObject({ message: `sequence 7 cannot go from ${from} to ${to}` });
        return false;
      }
    });
    return `${from} -> ${taken.join(', ') || 'nothing'}`;
  });
  expect(table).toMatchInlineSnapshot(`
    [
      "waiting -> receiving, prefilling, finished",
      "receiving -> prefilling, decoding, finished",
      "prefilling -> decoding, preempted, sending, finished",
      "decoding -> preempted, sending, finished",
      "preempted -> receiving, prefilling, decoding, finished",
      "sending -> finished",
      "finished -> nothing",
    ]
  `);
  expect(() => {
    const early = sequence();
    early.become('prefilling');
    early.become('decoding');
  }).toThrow('sequence 7 decodes before its prefill is done');
});

test('a block depends on the spans it overlaps and on where in it they begin', () => {
  const image = { start: 2, end: 6, key: 'cat.png' };
  const one = sequence([image], 'adapter');
  expect([0, 1, 2].map((index) => one.extraKeyOf(index, 4))).toMatchInlineSnapshot(`
    [
      "7:adapter
    2:7:cat.png",
      "
    -2:7:cat.png",
      "",
    ]
  `);
});
