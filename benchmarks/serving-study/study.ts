/**
 * Compares policies of the serving core on fixed workloads, and prints the tables of docs/log.md:
 *
 *     npm run bench -- serving --study
 */
import {
  randomChats,
  sessionsAmongSinglePrompts,
  sessionsInTurn,
  tightPool,
  type Variant,
  windowedSessions,
} from './workloads.ts';

const spreads = [0, 0.25, 0.5, 1, 1.5];

const cacheRows: readonly (readonly [string, (variant: Variant) => number])[] = [
  ...[8, 9, 10, 12, 16].map(
    (sessions) =>
      [`${sessions} sessions in turn`, (variant: Variant) => sessionsInTurn(sessions, 0, variant)] as const,
  ),
  ['12 sessions in turn, 1,000 tokens shared', (variant) => sessionsInTurn(12, 1000, variant)],
  ['4 sessions among 2 single prompts a turn', (variant) => sessionsAmongSinglePrompts(2, variant)],
  ['4 sessions among 4 single prompts a turn', (variant) => sessionsAmongSinglePrompts(4, variant)],
  ['4 sessions among 8 single prompts a turn', (variant) => sessionsAmongSinglePrompts(8, variant)],
  ['random chats, 10 open', (variant) => randomChats(10, variant)],
  ['random chats, 20 open', (variant) => randomChats(20, variant)],
  ['random chats, 40 open', (variant) => randomChats(40, variant)],
  ['windows: 8 sessions, room for 8', (variant) => windowedSessions(8, 8, variant)],
  ['windows: 10 sessions, room for 8', (variant) => windowedSessions(10, 8, variant)],
  ['windows: 12 sessions, room for 8', (variant) => windowedSessions(12, 8, variant)],
];

const percent = (share: number): string => `${(100 * share).toFixed(0)} %`;

/** Yields the lines of the tables as Markdown. */
export function* studyLines(): Generator<string> {
  yield 'Share of prompt tokens that the prefix cache serves, by evictionSpread (0: LRU)';
  yield '';
  yield `| workload | ${spreads.join(' | ')} |`;
  yield `| --- |${' ---: |'.repeat(spreads.length)}`;
  for (const [name, share] of cacheRows) {
    const cells = spreads.map((evictionSpread) => percent(share({ evictionSpread })));
    yield `| ${name} | ${cells.join(' | ')} |`;
  }
  yield '';
  yield '32 requests of 100 + up to 400 tokens in a tight pool: preemptions, tokens computed twice, steps';
  yield '';
  yield '| pool, answers | prompt | expected-output |';
  yield '| --- | ---: | ---: |';
  for (const answers of ['equal', 'mixed'] as const) {
    for (const share of [0.2, 0.4, 0.6]) {
      const cells = (['prompt', 'expected-output'] as const).map((admission) => {
        const { preemptions, waste, steps } = tightPool(share, answers, { admission });
        return `${preemptions}, ${percent(waste)}, ${steps}`;
      });
      yield `| ${percent(share)}, ${answers} | ${cells.join(' | ')} |`;
    }
  }
}
