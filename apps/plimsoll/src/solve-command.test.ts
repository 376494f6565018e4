/** `plimsoll solve` as people and pipes use it. */
import { solvers } from '@plimsoll/planner/solve';
import { describe, expect, test } from 'vitest';
import { outputSchemas } from './json-schemas.ts';
import { type Outcome, plimsoll } from './program.test-data.ts';

function solve(...args: readonly string[]): Outcome {
  return plimsoll(['solve', ...args]);
}

test('without a name, every solver is listed with its line', () => {
  const { code, out } = solve();
  expect(code).toBe(0);
  for (const { name, summary } of solvers)
    expect(out).toMatch(new RegExp(`${name} +${summary.slice(0, 30)}`));
});

test('an answer as text', () => {
  const { code, out } = solve('tail-latency', '--rate', '50', '--service-time', '100ms', '--servers', '8');
  expect(code).toBe(0);
  expect(out).toMatchInlineSnapshot(`
    "tail-latency: waits and response times of a queue at its p50, p90 and p99

    busy share of the servers                     62.50 %
    requests that wait                            16.73 %
    mean wait of all requests                     5.58 ms
    wait, p50                                         0 s
    wait, p90                                    17.15 ms
    wait, p99                                    93.90 ms
    wait and service, mean                         106 ms
    wait and service, p50                        75.63 ms
    wait and service, p90                          238 ms
    wait and service, p99                          469 ms
    mean number of waiting requests                0.2788
    least number of servers with a stable queue         6
    "
  `);
});

test('the help has inputs with units and ranges, outputs, formula, limits and sources', () => {
  const { code, out } = solve('batching', '--help');
  expect(code).toBe(0);
  for (const part of [
    '--mean-tokens <tokens>',
    'Ranges:',
    'Outputs:',
    'Formula:',
    'Limits:',
    'Sources:',
    'Example:',
  ])
    expect(out).toContain(part);
});

describe('the example of each solver answers, and its JSON matches the schema', () => {
  test.each(solvers.map(({ name, example }) => [name, example] as const))('%s', (name, example) => {
    const { code, out, err } = solve(name, ...example.split(' '), '--json');
    expect(err).toBe('');
    expect(code).toBe(0);
    expect(outputSchemas.solve.parse(JSON.parse(out))).toMatchObject({ solver: name });
  });
});

describe('bad input', () => {
  const llama = ['llama-3.1-8b-instruct', '--gpu', 'h100', '--engine', 'none'];
  const cases: readonly (readonly [string, readonly string[], string, number])[] = [
    ['an unknown solver', ['alchemy'], 'unknown-solver', 1],
    ['no model', ['batching'], 'missing-model', 1],
    ['no device', ['batching', 'llama-3.1-8b-instruct'], 'missing-gpu', 1],
    ['an unknown device', ['batching', 'llama-3.1-8b-instruct', '--gpu', 'warp-core'], 'unknown-hardware', 1],
    ['a time without a unit', ['tail-latency', '--rate', '1', '--service-time', '100'], 'bad-flag', 1],
    ['a negative rate', ['tail-latency', '--rate', '-1', '--service-time', '1s'], 'bad-input', 1],
    ['a missing rate', ['tail-latency', '--service-time', '1s'], 'missing-input', 1],
    ['a queue that grows', ['tail-latency', '--rate', '9', '--service-time', '1s'], 'unstable', 1],
    ['half a token', ['batching', ...llama, '--mean-tokens', 'half'], 'bad-tokens', 1],
    ['an unknown flag', ['batching', ...llama, '--colour', '1'], 'unknown-option', 1],
    ['a model that does not fit', ['batching', 'llama-3.1-70b-instruct', ...llama.slice(1)], 'infeasible', 2],
  ];
  test.each(cases)('%s', (_, args, code, exitCode) => {
    const outcome = solve(...args, '--json');
    expect(outputSchemas.error.parse(JSON.parse(outcome.out)).error.code).toBe(code);
    expect(outcome.code).toBe(exitCode);
  });
});
