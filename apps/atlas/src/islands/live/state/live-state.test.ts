/** The state of the live page without a browser: events, bounds, comparison, cells, load. */
import { randomInteger, seededRandom } from '@plimsoll/foundation/random';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BoundedHistory } from './bounded-history.ts';
import { cellsOf, gridOf } from './cells.ts';
import { message, parseTools, withDelta } from './chat.ts';
import { Comparison } from './comparison.ts';
import { parseServerUrl } from './connection.ts';
import { EventReader } from './event-reader.ts';
import { LiveModel } from './live-model.ts';
import { loadLimits, loadPrompts, usualLoad, wrongFields } from './load.ts';
import { quantileBound } from './quantiles.ts';
import { parseState, parseStep, type ServerState, type StepReport } from './server-events.ts';

const state: ServerState = {
  model: 'small',
  contextMax: 1024,
  sequencesMax: 4,
  waitingMax: 64,
  vocabulary: 100,
  startedAt: 7,
  limitBytes: 1000,
  residentBytes: 500,
  ledger: [
    { category: 'weights', plannedBytes: 300, heldBytes: 300 },
    { category: 'kv-cache', plannedBytes: 80, heldBytes: 80 },
    { category: 'runtime', plannedBytes: 20, heldBytes: 20 },
  ],
  sequences: { waiting: 1, running: 2, paused: 0 },
  requests: [],
  requestsLeftOut: 0,
  blocks: [
    {
      group: 'full',
      blockTokens: 16,
      free: 4,
      cached: 2,
      owned: 2,
      blockCount: 8,
      blocksPerCell: 1,
      runs: [3, 2, -2, 2, -1, 4],
    },
  ],
  histograms: {
    firstToken: { bounds: [1, 2], counts: [1, 2, 1], sum: 6 },
    interToken: { bounds: [1, 2], counts: [0, 0, 0], sum: 0 },
    queue: { bounds: [1, 2], counts: [0, 0, 0], sum: 0 },
  },
  totals: { promptTokens: 0, outputTokens: 0, preemptions: 0, prefixQueryTokens: 0, prefixHitTokens: 0 },
};

function step(part: Partial<StepReport>): StepReport {
  return {
    entries: [],
    admitted: [],
    finished: [],
    preempted: [],
    seconds: { plan: 0, compute: 2, sample: 0 },
    predictedSeconds: 1,
    ...part,
  };
}

describe('events', () => {
  test('events arrive whole, however the text is cut', () => {
    const text =
      ': ping\n\nevent: state\ndata: {"a":1}\n\ndata: one\r\ndata: two\r\n\r\nevent: step\ndata: end\n\n';
    const events = [
      { name: 'state', data: '{"a":1}' },
      { name: 'message', data: 'one\ntwo' },
      { name: 'step', data: 'end' },
    ];
    fc.assert(
      fc.property(fc.array(fc.nat(text.length)), (cuts) => {
        const reader = new EventReader();
        const ends = [...cuts.sort((left, right) => left - right), text.length];
        let start = 0;
        const found = ends.flatMap((end) => {
          const piece = text.slice(start, end);
          start = end;
          return reader.push(piece);
        });
        expect(found).toEqual(events);
      }),
    );
  });

  test('data of another form is no state and no step', () => {
    expect(parseState(JSON.stringify(state))).toEqual(state);
    for (const text of ['', 'null', '[]', '{}', '{"ledger":1}', JSON.stringify({ ...state, blocks: null })]) {
      expect(parseState(text)).toBeNull();
      expect(parseStep(text)).toBeNull();
    }
    expect(
      parseStep(JSON.stringify({ ...step({}), predictedSeconds: undefined }))?.predictedSeconds,
    ).toBeNull();
  });
});

test('a history stays bounded, ordered and current', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 20_000 }), (count) => {
      const history = new BoundedHistory<number>(16);
      for (let value = 0; value < count; value++) history.push(value);
      const { samples } = history;
      expect(samples.length).toBeLessThan(16);
      const gaps = new Set(samples.slice(1).map((value, index) => value - (samples[index] ?? 0)));
      expect(gaps.size).toBeLessThanOrEqual(1);
      expect((samples.at(-1) ?? 0) + ([...gaps][0] ?? 1)).toBeGreaterThanOrEqual(count - 1);
    }),
  );
});

describe('planned and measured', () => {
  test('the first token sums the steps since the admission; a decode step is the time per token', () => {
    const comparison = new Comparison();
    comparison.add(step({ admitted: [1], entries: [{ id: 1, kind: 'prefill', samples: false }] }));
    comparison.add(step({ admitted: [2], entries: [{ id: 1, kind: 'prefill', samples: true }] }));
    expect(comparison.firstToken).toEqual({ count: 1, measuredSeconds: 4, plannedSeconds: 2 });
    expect(comparison.perToken).toBeNull();
    comparison.add(
      step({
        entries: [
          { id: 1, kind: 'decode', samples: true },
          { id: 2, kind: 'prefill', samples: true },
        ],
      }),
    );
    expect(comparison.perToken).toEqual({ count: 1, measuredSeconds: 2, plannedSeconds: 1 });
    expect(comparison.firstToken).toEqual({ count: 2, measuredSeconds: 4, plannedSeconds: 2 });
  });

  test('a preempted request and a step without a plan do not count', () => {
    const comparison = new Comparison();
    comparison.add(step({ admitted: [1] }));
    comparison.add(step({ preempted: [1] }));
    comparison.add(step({ entries: [{ id: 1, kind: 'prefill', samples: true }] }));
    comparison.add(step({ predictedSeconds: null, entries: [{ id: 3, kind: 'decode', samples: true }] }));
    expect([comparison.firstToken, comparison.perToken]).toEqual([null, null]);
  });
});

test('a sample divides the cache by its blocks; a restart clears the comparison', () => {
  const model = new LiveModel();
  model.takeState(state, 1);
  model.takeStep(step({ entries: [{ id: 1, kind: 'decode', samples: true }] }));
  expect(model.view.samples).toEqual([
    {
      at: 1,
      weights: 300,
      cacheOwned: 20,
      cacheCached: 20,
      cacheFree: 40,
      others: 20,
      resident: 500,
      running: 2,
      waiting: 1,
    },
  ]);
  expect(model.view.perToken?.count).toBe(1);
  model.takeState({ ...state, startedAt: 8 }, 2);
  expect(model.view.perToken).toBeNull();
  expect(model.view.samples.length).toBe(2);
});

test('runs become cells; the grid has room for all of them', () => {
  expect(
    cellsOf({ runs: [7, 2, -2, 1, -1, 1, -5, 1] }).map(({ kind, owner, sharers }) => [kind, owner, sharers]),
  ).toEqual([
    ['owner-1', 7, 1],
    ['owner-1', 7, 1],
    ['cached', null, 0],
    ['free', null, 0],
    ['shared', null, 3],
  ]);
  expect(cellsOf({ runs: [1, 1e12] }).length).toBe(4096);
  fc.assert(
    fc.property(fc.nat(4096), (count) => {
      const { columns, rows } = gridOf(count);
      expect(columns * rows).toBeGreaterThanOrEqual(count);
    }),
  );
});

test('quantiles are bounds of buckets', () => {
  expect(quantileBound(state.histograms.firstToken, 0.5)).toBe(2);
  expect(quantileBound(state.histograms.firstToken, 0.95)).toBe(Number.POSITIVE_INFINITY);
  expect(quantileBound(state.histograms.queue, 0.5)).toBeNull();
});

describe('load', () => {
  const plan = { requests: 8, promptTokens: 100, sharedTokens: 60, outputTokens: 50 };

  test('a load stays below the queue and the context', () => {
    const limits = loadLimits(state, plan);
    expect(limits).toEqual({ requests: 64, promptTokens: 974, sharedTokens: 100, outputTokens: 924 });
    expect(wrongFields(plan, limits)).toEqual([]);
    const wrong = { requests: 65, promptTokens: 1.5, sharedTokens: -1, outputTokens: Number.NaN };
    expect(wrongFields(wrong, limits)).toEqual(['requests', 'promptTokens', 'sharedTokens', 'outputTokens']);
  });

  test('the usual load is within the limits of every server', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5000 }),
        fc.integer({ min: 2, max: 9000 }),
        (waitingMax, contextMax) => {
          const server = { waitingMax, contextMax };
          const usual = usualLoad(server);
          expect(wrongFields(usual, loadLimits(server, usual))).toEqual([]);
        },
      ),
    );
  });

  test('prompts share their start and have the stated length', () => {
    const generator = seededRandom(7);
    const random = () => randomInteger(generator, 0, 999) / 1000;
    const prompts = loadPrompts(plan, 100, random);
    expect(prompts.map((prompt) => prompt.length)).toEqual(Array.from({ length: 8 }, () => 100));
    expect(new Set(prompts.map((prompt) => prompt.slice(0, 60).join())).size).toBe(1);
    expect(new Set(prompts.map((prompt) => prompt.join())).size).toBe(8);
    expect(Math.max(...prompts.flat())).toBeLessThan(100);
  });
});

describe('chat', () => {
  test('deltas add content, reasoning and tool calls; other chunks change nothing', () => {
    const chunks: readonly Record<string, unknown>[] = [
      { choices: [{ delta: { role: 'assistant', reasoning_content: 'hm' } }] },
      { choices: [{ delta: { content: 'a' } }] },
      { choices: [] },
      {
        choices: [
          { delta: { content: 3, tool_calls: ['x', { id: 'c', function: { name: 'f', arguments: '{}' } }] } },
        ],
      },
      { choices: [{ delta: { content: 'b' }, finish_reason: 'stop' }] },
    ];
    expect(chunks.reduce(withDelta, message('assistant', ''))).toEqual({
      role: 'assistant',
      content: 'ab',
      reasoning: 'hm',
      toolCalls: [{ id: 'c', name: 'f', arguments: '{}' }],
    });
  });

  test('tools are a JSON list', () => {
    expect(parseTools(' ')).toEqual([]);
    expect(parseTools('[{}]')).toEqual([{}]);
    for (const text of ['{}', '[', '3']) expect(() => parseTools(text)).toThrow();
  });
});

test.each([
  ['localhost:8080', 'http://localhost:8080'],
  [' https://a.example/live ', 'https://a.example'],
  ['127.0.0.1', 'http://127.0.0.1'],
  ['', null],
  ['http://', null],
  ['not an address', null],
  ['ftp://a.example', null],
])('the address %j', (text, url) => {
  expect(parseServerUrl(text)).toBe(url);
});
