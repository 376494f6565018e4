import { describe, expect, test } from 'vitest';
import { meanLengths } from './mean-lengths.ts';
import type { SessionShape } from './session-shape.ts';
import { type DrawnSession, sessionSampler } from './sessions.ts';
import type { DrawnRequest, Workload } from './workload.ts';

const shape: SessionShape = {
  turns: { kind: 'uniform', min: 1, max: 6 },
  prompt: { kind: 'uniform', min: 5, max: 90 },
  thinkSeconds: { kind: 'exponential', mean: 20, min: 0, max: 100 },
  tools: {
    calls: { kind: 'uniform', min: 0, max: 4 },
    output: { kind: 'fixed', value: 30 },
    result: { kind: 'uniform', min: 100, max: 400 },
    waitSeconds: { kind: 'fixed', value: 2 },
  },
  contextMax: Infinity,
};

const workload: Workload = {
  arrivals: { kind: 'poisson', requestsPerSecond: 1 },
  requests: 2000,
  prompt: { kind: 'uniform', min: 300, max: 500 },
  output: { kind: 'uniform', min: 40, max: 80 },
  prefix: { tokens: 256, groups: 3 },
  session: shape,
  seed: 4,
};

interface Turn extends DrawnRequest {
  readonly pause: number | null;
}

function turnsOf(session: DrawnSession): Turn[] {
  const turns: Turn[] = [];
  for (let pause: number | null = 0; pause !== null; ) {
    const request = session.request();
    pause = session.pauseSeconds();
    turns.push({ ...request, pause });
  }
  return turns;
}

function sessions(count: number, changed: Partial<SessionShape> = {}): Turn[][] {
  const draw = sessionSampler(workload, { ...shape, ...changed });
  return Array.from({ length: count }, () => turnsOf(draw()));
}

describe('a session', () => {
  test('every prompt is the conversation so far and new tokens, with the content of the session', () => {
    for (const turns of sessions(200)) {
      const [first] = turns;
      expect(first?.prompt).toMatchObject({ tokensPerId: 256 });
      for (const [index, { prompt }] of turns.entries()) {
        const before = turns[index - 1];
        const { length, ...content } = prompt;
        expect(content).toEqual({ ...first?.prompt, length: undefined });
        if (before === undefined) continue;
        const added = length - before.prompt.length - before.outputTokens;
        // A call of a tool is 30 tokens long; its result comes after 2 seconds.
        const [least, most] = before.outputTokens === 30 ? [100, 400] : [5, 90];
        expect(added).toBeGreaterThanOrEqual(least);
        expect(added).toBeLessThanOrEqual(most);
        expect(before.pause === 2).toBe(before.outputTokens === 30);
      }
      expect(turns.at(-1)?.outputTokens).not.toBe(30);
    }
  });

  test('no two sessions have one content id, and none has the id of a prefix', () => {
    const ids = sessions(200).map(([first]) => first?.prompt.restId ?? -1);
    expect(new Set(ids).size).toBe(200);
    expect(Math.min(...ids)).toBeGreaterThanOrEqual(3);
  });

  test('its draws do not depend on the order in which sessions go on', () => {
    const draw = sessionSampler(workload, shape);
    const [left, right] = [draw(), draw()];
    const rightFirst = turnsOf(right);
    expect([turnsOf(left), rightFirst]).toEqual(sessions(2));
  });

  test('it ends before a request that would be too long', () => {
    const all = sessions(200).flat();
    const short = sessions(200, { contextMax: 900 }).flat();
    expect(short.length).toBeLessThan(all.length);
    for (const { prompt, outputTokens } of short.slice(1)) {
      expect(prompt.length + outputTokens).toBeLessThanOrEqual(900);
    }
  });
});

test('mean lengths are those of the requests', () => {
  const requests = sessions(1000).flat().slice(0, workload.requests);
  const mean = (value: (request: DrawnRequest) => number): number =>
    requests.reduce((sum, request) => sum + value(request), 0) / requests.length;
  const { prompt, output } = meanLengths(workload);
  expect(prompt).toBeCloseTo(
    mean((request) => request.prompt.length),
    6,
  );
  expect(output).toBeCloseTo(
    mean((request) => request.outputTokens),
    6,
  );
  const { session, ...single } = workload;
  expect(meanLengths(single)).toEqual({ prompt: 400, output: 60 });
});
