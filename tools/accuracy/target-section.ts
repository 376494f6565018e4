/** Compares the targets with the results. */
import type { Validation } from '@plimsoll/planner/validation';
import { causeFinder } from './causes.ts';
import { type Comparison, statistics, worst } from './figures.ts';
import type { LlamaCppComparisons } from './llama-cpp-section.ts';
import { percent, table, verdict, worstList } from './markdown.ts';
import type { PoolEngine } from './pool-section.ts';
import type { VllmComparisons } from './vllm-section.ts';

interface Target {
  readonly name: string;
  readonly limit: number;
  readonly reached: number | null;
  readonly found: readonly Comparison[];
}

export function targetSection(input: {
  readonly vllm: Validation;
  readonly vllmFound: VllmComparisons;
  readonly llamaCpp: Validation;
  readonly llamaCppFound: LlamaCppComparisons;
  readonly pools: readonly PoolEngine[];
}): string {
  const mainline = input.llamaCppFound.get('mainline') ?? [];
  const cacheAndState = ['kv_buffers_mib', 'rs_buffers_mib'];
  const targets: readonly Target[] = [
    median('vLLM: weights, median', 0.01, only(input.vllmFound.memory, 'weights_gib')),
    median('vLLM: available cache GiB, utilisation stated, median', 0.03, input.vllmFound.knownUtilization),
    p90('vLLM: available cache GiB, utilisation stated, p90', 0.08, input.vllmFound.knownUtilization),
    median('vLLM: tokens, given the stated GiB, median', 0.03, only(input.vllmFound.givenCache, 'kv_tokens')),
    largest(
      'llama.cpp mainline: cache and state, largest error',
      0.001,
      mainline.filter(({ field }) => cacheAndState.includes(field)),
    ),
    median('llama.cpp mainline: model buffers, median', 0.01, only(mainline, 'model_buffers_mib')),
    largest('llama.cpp mainline: model buffers, largest error', 0.01, only(mainline, 'model_buffers_mib')),
    median('llama.cpp mainline: compute buffers, median', 0.15, only(mainline, 'compute_buffers_mib')),
    ...input.pools.flatMap(({ title, found }) => [
      median(`${title}: tokens, given the printed memory, median`, 0.01, found.givenTokens),
      median(`${title}: tokens, end to end, median`, 0.05, only(found.endToEnd, 'kv_tokens')),
    ]),
  ];
  const supported = (validation: Validation): number =>
    validation.summary.supported / Math.max(1, validation.summary.records);
  return [
    '## Targets',
    table(
      ['', 'target', 'reached', 'n', ''],
      [
        ...targets.map(({ name, limit, reached, found }) => [
          name,
          `<= ${percent(limit)}`,
          reached === null ? 'no records' : percent(reached),
          String(found.length),
          reached === null ? '' : verdict(reached <= limit),
        ]),
        ...(
          [
            ['vLLM: supported', input.vllm],
            ['llama.cpp: supported', input.llamaCpp],
          ] as const
        ).map(([name, validation]) => [
          name,
          '>= 95 %',
          percent(supported(validation)),
          String(validation.summary.records),
          verdict(supported(validation) >= 0.95),
        ]),
      ],
    ),
    ...targets.flatMap((target) =>
      missPart(
        target,
        causeFinder([
          ...input.vllm.records,
          ...input.llamaCpp.records,
          ...input.pools.flatMap(({ validation }) => validation.records),
        ]),
      ),
    ),
  ].join('\n\n');
}

/** For a missed target: the records beyond the limit, and the cause of each. */
function missPart(target: Target, causeOf: (found: Comparison) => string): readonly string[] {
  const { name, limit, reached, found } = target;
  if (reached === null || reached <= limit) return [];
  const beyond = worst(
    found.filter(({ error }) => Math.abs(error) > limit),
    found.length,
  );
  return [
    `**Missed: ${name}.** ${beyond.length} of ${found.length} records are beyond ${percent(limit)}:`,
    worstList(beyond, causeOf),
  ];
}

function only(comparisons: readonly Comparison[], field: string): readonly Comparison[] {
  return comparisons.filter((comparison) => comparison.field === field);
}

function median(name: string, limit: number, found: readonly Comparison[]): Target {
  return { name, limit, reached: statistics(found)?.medianError ?? null, found };
}

function p90(name: string, limit: number, found: readonly Comparison[]): Target {
  return { name, limit, reached: statistics(found)?.p90Error ?? null, found };
}

function largest(name: string, limit: number, found: readonly Comparison[]): Target {
  const reached = found.length === 0 ? null : Math.max(...found.map(({ error }) => Math.abs(error)));
  return { name, limit, reached, found };
}
