/** Prompts that llama-server keeps in host memory, so that a slot can return to them (server_prompt_cache, PR 16391). */
import { bytes, formatCount, GiB, MiB } from '@plimsoll/foundation';
import type { LedgerEntry } from '../../bytes/ledger.ts';
import type { Question } from '../../question/question.ts';
import type { EngineRules } from './engine-rules.ts';
import type { LlamaCppOptions } from './options.ts';

/** `--cache-ram`. */
const usualLimitMib = (8 * GiB) / MiB;

/** Empty where the server keeps none, and where the limit is off: then nothing bounds it. */
export function promptCacheEntries(
  { options }: Question<LlamaCppOptions>,
  rules: EngineRules,
): readonly LedgerEntry[] {
  const limitMib = options?.promptCacheMib ?? usualLimitMib;
  if (!rules.keepsPrompts || limitMib <= 0) return [];
  return [
    {
      category: 'kv-cache',
      tag: 'prompt cache, at most',
      tier: 'host',
      bytes: bytes(limitMib * MiB),
      derivation: {
        formula: '--cache-ram, the limit up to which the prompt cache grows',
        substituted: `${formatCount(limitMib)} MiB`,
        source: 'llama.cpp tools/server/server-context.cpp, common/arg.cpp --cache-ram',
      },
    },
  ];
}
