/**
 * What vLLM prints of its memory when it starts, read from a pasted log and set beside a plan: the check that anybody with a
 * running engine can make. The lines are those of releases 0.6 to 0.19, as start-up logs in public issues have them; sizes
 * are GiB, also where old releases print "GB".
 */
import { ledgerBytes } from '../../bytes/ledger.ts';
import type { Plan } from '../../plan.ts';

/** One line of the comparison. */
export interface StartLogRow {
  readonly figure: 'weights' | 'activations' | 'outside' | 'kvCache' | 'kvTokens' | 'concurrency';
  readonly unit: 'GiB' | 'tokens' | 'times';
  /** Null where the plan has no such figure. */
  readonly planned: number | null;
  readonly printed: number;
}

export interface StartLogCheck {
  readonly rows: readonly StartLogRow[];
  /** Tokens per request that the log speaks of, where the plan was made for another number. */
  readonly otherContext: number | null;
}

/** Longer texts than any start-up; what comes after is not looked at. */
const startLogCharactersMax = 1_000_000;

const number = '(-?[\\d,]*\\.?\\d+)';
const patterns: Readonly<Record<StartLogRow['figure'], readonly RegExp[]>> = {
  weights: [
    new RegExp(`Model loading took ${number} Gi?B`, 'g'),
    new RegExp(`Loading model weights took ${number} Gi?B`, 'g'),
    new RegExp(`model weights take ${number} ?GiB`, 'g'),
  ],
  activations: [
    new RegExp(`torch peak memory increase: ${number} ?GiB`, 'g'),
    new RegExp(`PyTorch activation peak memory takes ${number} ?GiB`, 'g'),
  ],
  outside: [
    new RegExp(`non-torch forward increase memory: ${number} ?GiB`, 'g'),
    new RegExp(`non_torch_memory(?: takes |=)${number} ?GiB`, 'g'),
  ],
  kvCache: [
    new RegExp(`Available KV cache memory: ${number} ?GiB`, 'g'),
    new RegExp(`reserved for KV Cache is ${number} ?GiB`, 'g'),
    new RegExp(`kv_cache_size=${number} ?GiB`, 'g'),
  ],
  kvTokens: [new RegExp(`GPU KV cache size: ${number} tokens`, 'g')],
  concurrency: [new RegExp(`Maximum concurrency for [\\d,]+ tokens per request: ${number}x`, 'g')],
};
/** The length of the requests that the last figure counts. */
const countedContext = new RegExp(`Maximum concurrency for ${number} tokens per request`, 'g');
const units: Readonly<Record<StartLogRow['figure'], StartLogRow['unit']>> = {
  weights: 'GiB',
  activations: 'GiB',
  outside: 'GiB',
  kvCache: 'GiB',
  kvTokens: 'tokens',
  concurrency: 'times',
};

/** Every figure that is found in the text, beside the plan's; no rows where nothing of the kind stands in it. */
export function checkStartLog(plan: Plan, text: string): StartLogCheck {
  const log = text.slice(0, startLogCharactersMax);
  const tokens = lastNumber(log, [countedContext]);
  const otherContext = tokens === null || tokens === plan.workload.contextTokens ? null : tokens;
  const rows = figures.flatMap((figure) => {
    const printed = lastNumber(log, patterns[figure]);
    if (printed === null) return [];
    const isOther = figure === 'concurrency' && otherContext !== null;
    return [{ figure, unit: units[figure], planned: isOther ? null : plannedFigure(plan, figure), printed }];
  });
  return { rows, otherContext };
}

const figures = Object.keys(units) as readonly StartLogRow['figure'][];

/** A log may hold several starts, and each rank prints its own: the last one counts. */
function lastNumber(log: string, forms: readonly RegExp[]): number | null {
  let last: { readonly at: number; readonly value: number } | null = null;
  for (const form of forms) {
    for (const match of log.matchAll(form)) {
      const value = Number(match[1]?.replaceAll(',', ''));
      if (Number.isFinite(value) && (last === null || match.index > last.at))
        last = { at: match.index, value };
    }
  }
  return last?.value ?? null;
}

const gibibyte = 2 ** 30;

function plannedFigure({ ledger, capacity }: Plan, figure: StartLogRow['figure']): number | null {
  switch (figure) {
    case 'weights':
      return ledgerBytes(ledger, { category: 'weights' }) / gibibyte;
    case 'activations':
      return ledgerBytes(ledger, { category: 'activations' }) / gibibyte;
    case 'outside':
      return ledgerBytes(ledger, { category: 'runtime', tag: 'outside the allocator' }) / gibibyte;
    case 'kvCache':
      return capacity.poolBytes / gibibyte;
    case 'kvTokens':
      return capacity.printed?.kvTokens ?? null;
    case 'concurrency':
      return capacity.printed?.concurrency ?? null;
    default:
      return figure satisfies never;
  }
}
