import { seconds } from '@plimsoll/foundation';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { sequenceId } from './ids.ts';
import { RunningList, WaitingQueue } from './queues.ts';
import { compareSequences, Sequence } from './sequence.ts';

function sequences(ranks: readonly number[]): Sequence[] {
  const request = { prompt: [1], outputTokensMax: 1 };
  return ranks.map((rank, id) => {
    return new Sequence({ id: sequenceId(id), request, rank, submittedAt: seconds(0), groupCount: 0 });
  });
}

test('both queues give what sorting gives, also after removals from the middle', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 40 }),
      fc.integer({ min: 1, max: 5 }),
      (ranks, step) => {
        const all = sequences(ranks);
        const [waiting, running] = [new WaitingQueue(), new RunningList()];
        for (const sequence of all) {
          waiting.push(sequence);
          running.add(sequence);
        }
        const kept = all.filter((sequence) => sequence.id % step !== 0);
        for (const sequence of all.filter((other) => other.id % step === 0)) {
          waiting.remove(sequence);
          running.remove(sequence);
          waiting.checkIntegrity();
          running.checkIntegrity();
        }
        const sorted = kept.toSorted(compareSequences);
        expect([...running]).toEqual(sorted);
        const taken: Sequence[] = [];
        for (let first = waiting.first; first !== undefined; first = waiting.first) {
          waiting.remove(first);
          taken.push(first);
        }
        expect(taken).toEqual(sorted);
      },
    ),
  );
});
