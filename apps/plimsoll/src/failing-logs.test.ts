/**
 * Shortened logs of failed starts from public issues, with names, paths and addresses replaced: each gives the reason, and
 * what starts or what the log asks for.
 */
import { LogReader } from '@plimsoll/planner/log';
import { expect, test, vi } from 'vitest';
import { commandEngines } from './engine-flags.ts';
import logs from './failing-logs.test-data.json' with { type: 'json' };
import { explainLog, type LogExplanation } from './log-explanation.ts';

async function explain(lines: readonly string[], gpu?: string): Promise<LogExplanation> {
  const reader = new LogReader(commandEngines());
  reader.push(lines.join('\n'));
  // A note about a checkpoint's original goes to standard error.
  const errors = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  try {
    return await explainLog(reader.end(), { offline: true, ...(gpu !== undefined && { gpu }) });
  } finally {
    errors.mockRestore();
  }
}

test.each(logs)('$source', async ({ log, gpu, expected }) => {
  const { engine, model, hardware, error, changes } = await explain(log, gpu);
  const starting = changes.filter((change) => change.starts);
  expect({
    ...{ engine, model, hardware, code: error?.code ?? null },
    starts: starting.map(({ flags }) => flags),
    suggested: changes.filter((change) => !change.starts).map(({ flags }) => flags),
    command: starting[0]?.command ?? null,
  }).toEqual(expected);
  for (const { flags } of changes) expect(flags).toMatch(/^(?:--?[a-z][\w-]*(?: [^\s-]\S*)?\s?)+$/i);
});

test('prefixes of containers and ranks, colors and cuts keep the reason', async () => {
  const color = String.fromCharCode(27);
  for (const { log, gpu, expected } of logs.slice(0, 6)) {
    const prefixed = log.map((line) => `${color}[36msglang-1  | ${color}[0m${line}`);
    const { engine, error } = await explain(['noise', ...prefixed, 'Killed'], gpu);
    expect([engine, error?.code]).toEqual([expected.engine, expected.code]);
  }
});

test('a text about an engine, and a command alone, are no log', async () => {
  for (const text of [
    '# Notes\nWe start it with `vllm serve Qwen/Qwen3-8B` and it works.',
    'sglang serve --model-path Qwen/Qwen3-8B',
  ])
    await expect(explain(text.split('\n'))).rejects.toMatchObject({ code: 'log-not-understood' });
});
