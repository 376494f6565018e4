/**
 * Formats the engine's record as Markdown: numbers with their targets, then the figures that got worse since the last
 * run.
 */
import { formatBytes, bytes as toBytes } from '@plimsoll/foundation';
import { percent, rate, table, verdict } from '../record/report-text.ts';
import { runLines } from '../record/run-description.ts';
import { median } from '../record/statistics.ts';
import { worseSince } from '../record/worse-since.ts';
import { comparableFigures } from './comparable-figures.ts';
import { type EngineRecord, hasFigures, type ModelResult } from './engine-record.ts';
import { type EngineName, engineNames } from './peers.ts';
import { type Target, targetsOf } from './targets.ts';

export function renderRecord(record: EngineRecord, previous: EngineRecord | null): string {
  const { threads, repetitions, promptTokens, decodeTokens } = record.settings;
  return `${[
    `# Engine speed, ${record.run.date}`,
    runLines(record.run),
    `${threads} threads, f16 cache, greedy, a prompt of ${promptTokens} random ids and then ${decodeTokens} tokens, one sequence. Engines take turns (A B C, A B C), ${repetitions} times, each in a process that is idle while others compute; medians, with the distance from the lowest to the highest turn. Weights are random, in real shapes and real mixtures.`,
    enginesSection(record),
    `## Tokens per second\n\n${speedTable(record, 'prefill')}\n\n${speedTable(record, 'decode')}`,
    `## Bytes\n\nWhat a token must read: all weights that it passes through, and keys and values at the middle of the decode. The bandwidth is that of our own summing read with ${threads} threads over 512 MiB, measured between the turns.\n\n${bytesTable(record)}`,
    loadSection(record),
    firstTokenSection(record),
    targetSection(targetsOf(record)),
    worseSince(record, previous, comparableFigures),
  ].join('\n\n')}\n`;
}

function title({ shape, mixture }: ModelResult): string {
  return `${shape} ${mixture}`;
}

function enginesSection({ models, leftOut }: EngineRecord): string {
  const lines = engineNames.map((name) => {
    const reason = leftOut[name];
    if (reason !== undefined) return `- ${name}: left out: ${reason}`;
    const found = models.map(({ engines }) => engines[name]).find(hasFigures);
    return `- ${name}: ${found?.version ?? 'has loaded no model'}`;
  });
  const refusals = models.flatMap((model) =>
    engineNames.flatMap((name) => {
      const result = model.engines[name];
      return result === undefined || hasFigures(result)
        ? []
        : [`- ${name} refused ${title(model)}: ${result.refused}`];
    }),
  );
  return [...lines, ...refusals, ...agreement(models)].join('\n');
}

/**
 * Shows that the engines compute the same thing: random weights give close logits, so rounding soon makes outputs
 * differ.
 */
function agreement(models: readonly ModelResult[]): readonly string[] {
  return (['node-llama-cpp', 'llama-cpp-python'] as const).flatMap((name) => {
    const results = models.flatMap(({ engines }) => engines[name] ?? []).filter(hasFigures);
    const counts = results.map(({ sameTokens }) => sameTokens);
    const text = `- Greedy tokens of the first turn before ${name} draws another one than we do: ${counts.join(', ')}`;
    return counts.length === 0 ? [] : [text];
  });
}

function speedTable({ models }: EngineRecord, kind: 'prefill' | 'decode'): string {
  const head = [kind, ...engineNames, 'against node-llama-cpp', 'against llama-cpp-python'];
  const rows = models.map((model) => {
    const figures = engineNames.map((name) => speedOf(model, name, kind));
    const [ours] = figures;
    const cells = figures.map((rates) => (rates === null ? '' : `${rate(median(rates))} ±${spread(rates)}`));
    const ratios = figures
      .slice(1)
      .map((rates) =>
        rates === null || ours === null || ours === undefined
          ? ''
          : `${(median(ours) / median(rates)).toFixed(2)}x`,
      );
    return [title(model), ...cells, ...ratios];
  });
  return table(head, rows);
}

function speedOf(model: ModelResult, name: EngineName, kind: 'prefill' | 'decode'): readonly number[] | null {
  const result = model.engines[name];
  return hasFigures(result) ? result[kind] : null;
}

function bytesTable({ models }: EngineRecord): string {
  const head = [
    'model',
    'types',
    'file',
    'bytes per token',
    'bandwidth GB/s',
    ...engineNames.map((name) => `${name} GB/s`),
    'our share',
  ];
  const rows = models.map((model) => {
    const bandwidth = median(model.bandwidth);
    const rates = engineNames.map((name) => {
      const decode = speedOf(model, name, 'decode');
      return decode === null ? null : median(decode) * model.tokenBytes;
    });
    const [ours] = rates;
    return [
      title(model),
      model.types.map(({ type, share }) => `${type} ${percent(share)}`).join(', '),
      formatBytes(toBytes(model.fileBytes)),
      formatBytes(toBytes(model.tokenBytes)),
      gigabytes(bandwidth),
      ...rates.map((value) => (value === null ? '' : gigabytes(value))),
      ours === null || ours === undefined ? '' : percent(ours / bandwidth),
    ];
  });
  return table(head, rows);
}

function loadSection({ models }: EngineRecord): string {
  const head = [
    'model',
    'read, cached',
    'load, cached',
    'times',
    'read, from disk',
    'load, from disk',
    'times',
    'node-llama-cpp load',
    'llama-cpp-python load',
  ];
  const rows = models.flatMap((model) => {
    const { load } = model;
    if (load === null) return [];
    const peers = (['node-llama-cpp', 'llama-cpp-python'] as const).map((name) => {
      const result = model.engines[name];
      return hasFigures(result) ? seconds(result.loadSeconds) : '';
    });
    const cold =
      load.readFromDisk.length === 0
        ? ['', '', '']
        : compared(median(load.readFromDisk), median(load.loadFromDisk));
    return [[title(model), ...compared(median(load.read), median(load.load)), ...cold, ...peers]];
  });
  return `## Load\n\nFrom opening the file to being ready for a prompt, tokenizer included, beside reading the file into one buffer. Peers: one sample, cached; they map the file and touch most pages later.\n\n${table(head, rows)}`;
}

function compared(read: number, load: number): readonly string[] {
  return [seconds(read), seconds(load), `${(load / read).toFixed(2)}x`];
}

function firstTokenSection({ firstToken }: EngineRecord): string {
  const text =
    'refused' in firstToken
      ? `Not measured: ${firstToken.refused}`
      : `\`${firstToken.command}\`, ${firstToken.model}, ${firstToken.seconds.length} runs, from starting the process to the first text: median ${(1000 * median(firstToken.seconds)).toFixed(0)} ms, slowest ${(1000 * Math.max(...firstToken.seconds)).toFixed(0)} ms.`;
  return `## First token\n\n${text}`;
}

function targetSection(targets: readonly Target[]): string {
  const rows = targets.map(({ name, goal, value, met }) => [name, goal, value, verdict(met)]);
  return `## Targets\n\n${table(['what', 'goal', 'measured', ''], rows)}`;
}

/** Returns half of the distance between the extremes, as a share of the median. */
function spread(values: readonly number[]): string {
  return percent((Math.max(...values) - Math.min(...values)) / 2 / median(values));
}

function gigabytes(bytesPerSecond: number): string {
  return (bytesPerSecond * 1e-9).toFixed(1);
}

function seconds(value: number): string {
  return `${value.toFixed(value < 1 ? 3 : 2)} s`;
}
