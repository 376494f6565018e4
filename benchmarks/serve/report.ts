/** Formats the record of the serving benchmark as Markdown: figures, targets, and what is worse since the last run. */
import { formatBytes, bytes as toBytes } from '@plimsoll/foundation';
import { rate, table, times, verdict } from '../record/report-text.ts';
import { runLines } from '../record/run-description.ts';
import { worseSince } from '../record/worse-since.ts';
import type { CaseResult, ServeRecord, TurnFigures } from './serve-record.ts';
import { type ServerName, serverNames } from './servers.ts';
import { medianOf, ratioOf, serverShare, targetsOf } from './targets.ts';

export function renderRecord(record: ServeRecord, previous: ServeRecord | null): string {
  const { threads, turns, slots, context } = record.settings;
  return `${[
    `# Serving speed, ${record.run.date}`,
    runLines(record.run),
    `Servers of ${threads} threads and ${slots} sequences of ${context} tokens answer streamed \`/v1/completions\` over HTTP on the same machine as the load generator: prompts of random ids, greedy, end tokens ignored. They take turns (A B, B A), ${turns} times per case, each idle while the other answers; medians of the turns. Prompts are new in every turn. Weights are random, in real shapes and real mixtures, unless the model is named SmolLM2.`,
    serversSection(record),
    casesSection(record),
    `## Throughput\n\nOutput tokens per second count the time of prompts too.\n\n${throughputTable(record)}`,
    `## Waiting\n\nTTFT: from sending the request to the first text. Gap: between two texts of one answer. Milliseconds, p50 / p99.\n\n${waitingTable(record)}`,
    `## Where the time of plimsoll goes\n\nShares of the time in which the engine had work, from \`GET /v1/events\`. HTTP: between two steps, which is JSON, event streams and sockets. Planning: the scheduler. Sampling: the head of the model, the choice of tokens, their texts, and the commit. The load generator shares the processors; its time is a share of one core.\n\n${shareTable(record)}`,
    targetSection(record),
    worseSince(record, previous, comparableFigures),
  ].join('\n\n')}\n`;
}

function serversSection({ servers, failures }: ServeRecord): string {
  const failed = Object.entries(failures).map(([model, reason]) => `- ${model} ended early: ${reason}`);
  const lines = serverNames.map((name) => {
    const server = servers[name];
    if (server === undefined) return `- ${name}: has loaded no model`;
    return 'leftOut' in server
      ? `- ${name}: left out: ${server.leftOut}`
      : `- ${name}: \`${server.command}\`; ${server.version}`;
  });
  return [...lines, ...failed].join('\n');
}

function casesSection({ cases }: ServeRecord): string {
  return Object.entries(cases)
    .map(([name, explanation]) => `- ${name}: ${explanation}`)
    .join('\n');
}

function throughputTable({ results }: ServeRecord): string {
  const output = (turn: TurnFigures): number => turn.outputTokensPerSecond;
  const head = ['model, case', ...serverNames.map((name) => `${name} tokens/s`), 'ratio'];
  const more = [
    ...serverNames.map((name) => `${name} requests/s`),
    ...serverNames.map((name) => `${name} RSS`),
  ];
  const rows = results.map((result) => {
    const each = (
      figure: (turn: TurnFigures) => number,
      text: (value: number) => string,
    ): readonly string[] => serverNames.map((name) => shown(medianOf(result, name, figure), text));
    return [
      title(result),
      ...each(output, rate),
      shown(ratioOf(result, output), times),
      ...each(
        (turn) => turn.requestsPerSecond,
        (value) => value.toFixed(2),
      ),
      ...each(
        (turn) => turn.rssBytes,
        (value) => formatBytes(toBytes(value)),
      ),
    ];
  });
  return table([...head, ...more], rows);
}

function waitingTable({ results }: ServeRecord): string {
  const head = [
    'model, case',
    ...serverNames.map((name) => `${name} TTFT`),
    ...serverNames.map((name) => `${name} gap`),
    'p99 gap, ratio',
  ];
  const rows = results.map((result) => {
    const pair = (name: ServerName, kind: 'firstTokenSeconds' | 'gapSeconds'): string => {
      const p50 = medianOf(result, name, (turn) => turn[kind].p50);
      const p99 = medianOf(result, name, (turn) => turn[kind].p99);
      return p50 === null || p99 === null ? '' : `${milliseconds(p50)} / ${milliseconds(p99)}`;
    };
    return [
      title(result),
      ...serverNames.map((name) => pair(name, 'firstTokenSeconds')),
      ...serverNames.map((name) => pair(name, 'gapSeconds')),
      shown(
        ratioOf(result, (turn) => turn.gapSeconds.p99),
        times,
      ),
    ];
  });
  return table(head, rows);
}

function shareTable({ results }: ServeRecord): string {
  const head = [
    'model, case',
    'step',
    'HTTP',
    'planning',
    'both',
    'model',
    'sampling',
    'cached prompt',
    'load generator',
  ];
  const rows = results.map((result) => {
    const ours = (figure: (turn: TurnFigures) => number | undefined): number | null =>
      medianOf(result, 'plimsoll', figure);
    return [
      title(result),
      shown(
        ours(({ steps }) => steps?.secondsMean),
        (value) => `${milliseconds(value)} ms`,
      ),
      shown(
        ours(({ steps }) => steps?.shares.between),
        share,
      ),
      shown(
        ours(({ steps }) => steps?.shares.plan),
        share,
      ),
      shown(ours(serverShare), share),
      shown(
        ours(({ steps }) => steps?.shares.compute),
        share,
      ),
      shown(
        ours(({ steps }) => steps?.shares.sample),
        share,
      ),
      shown(
        ours(({ cachedTokens, promptTokens }) => cachedTokens / promptTokens),
        share,
      ),
      shown(
        ours(({ clientShare }) => clientShare),
        share,
      ),
    ];
  });
  return table(head, rows);
}

function targetSection(record: ServeRecord): string {
  const rows = targetsOf(record).map(({ name, goal, value, met }) => [name, goal, value, verdict(met)]);
  return `## Targets\n\nThe worst of all models and cases.\n\n${table(['what', 'goal', 'measured', ''], rows)}`;
}

/** The figures that are compared with the previous run, each as larger is better. Includes the peer's figures. */
function comparableFigures({ results }: ServeRecord): Readonly<Record<string, number>> {
  return Object.fromEntries(
    results.flatMap((result) =>
      serverNames.flatMap((name) => {
        const value = medianOf(result, name, (turn) => turn.outputTokensPerSecond);
        return value === null ? [] : [[`${title(result)}, ${name}, tokens/s`, value] as const];
      }),
    ),
  );
}

function title({ model, loadCase }: CaseResult): string {
  return `${model}, ${loadCase}`;
}

function shown(value: number | null, text: (value: number) => string): string {
  return value === null ? '' : text(value);
}

function share(value: number): string {
  return `${(100 * value).toFixed(1)} %`;
}

function milliseconds(seconds: number): string {
  return rate(1000 * seconds);
}
