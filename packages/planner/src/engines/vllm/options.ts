/** The flags of vLLM that a plan knows. vLLM chooses the value of an absent flag. */
import { countOption, type OptionSpec, switchOption, textOf } from '../contract/option-spec.ts';
import { type ConfigOptions, configOptions } from './config-options.ts';
import { type ConnectorOptions, connectorOptions } from './connector-option.ts';
import type { Drafter } from './drafter.ts';
import { type ExpertOptions, expertOptions } from './expert-options.ts';
import { type GraphOptions, graphOptions } from './graph-options.ts';
import { type ItemOptions, itemOptions } from './item-options.ts';
import { type MemoryOptions, memoryOptions } from './memory-options.ts';
import { type OffloadOptions, offloadOptions } from './offload-options.ts';
import { type SpeculativeOptions, speculativeOptions } from './speculative-option.ts';
import { type StateOptions, stateOptions } from './state-options.ts';

export interface VllmOptions
  extends ConfigOptions,
    ConnectorOptions,
    ExpertOptions,
    GraphOptions,
    ItemOptions,
    MemoryOptions,
    OffloadOptions,
    SpeculativeOptions,
    StateOptions {
  /** Forces the old or the new engine in releases that have both. */
  readonly core?: 'V0' | 'V1' | undefined;
  readonly gpuMemoryUtilization?: number | undefined;
  readonly maxModelLen?: number | undefined;
  readonly maxNumBatchedTokens?: number | undefined;
  readonly maxNumSeqs?: number | undefined;
  readonly blockTokens?: number | undefined;
  readonly enforceEager?: boolean | undefined;
  readonly prefixCaching?: boolean | undefined;
  /** `server` for vllm serve, `batch` for the LLM class: the token budget differs. */
  readonly usage?: 'server' | 'batch' | undefined;
  /** The model that drafts, where the options of speculative decoding name a model. */
  readonly draft?: Drafter | undefined;
}

export const vllmOptions: readonly OptionSpec<VllmOptions>[] = [
  {
    name: 'utilization',
    flags: ['--gpu-memory-utilization', '--device-memory-utilization'],
    value: '<share>',
    words: 'share of the memory that the engine may use',
    limit: 'a share above 0 and at most 1, such as 0.9 or 90 %',
    field: 'number',
    read: (text) => {
      const gpuMemoryUtilization = shareOf(text);
      return gpuMemoryUtilization === null ? null : { gpuMemoryUtilization };
    },
    write: ({ gpuMemoryUtilization }) => textOf(gpuMemoryUtilization),
  },
  countOption<VllmOptions>(
    {
      name: 'block-size',
      flags: ['--block-size'],
      value: '<tokens>',
      words: 'tokens of a KV block',
    },
    (blockTokens) => ({ blockTokens }),
    ({ blockTokens }) => blockTokens,
  ),
  countOption<VllmOptions>(
    {
      name: 'max-num-batched-tokens',
      flags: ['--max-num-batched-tokens'],
      words: 'tokens of one step',
      field: 'number',
    },
    (maxNumBatchedTokens) => ({ maxNumBatchedTokens }),
    ({ maxNumBatchedTokens }) => maxNumBatchedTokens,
  ),
  countOption<VllmOptions>(
    { name: 'max-num-seqs', flags: ['--max-num-seqs'], words: 'sequences at once', field: 'number' },
    (maxNumSeqs) => ({ maxNumSeqs }),
    ({ maxNumSeqs }) => maxNumSeqs,
  ),
  switchOption<VllmOptions>(
    { name: 'enforce-eager', flags: ['--enforce-eager'], words: 'no CUDA graphs' },
    { enforceEager: true },
    ({ enforceEager }) => enforceEager === true,
  ),
  switchOption<VllmOptions>(
    {
      name: 'enable-prefix-caching',
      flags: ['--enable-prefix-caching'],
      words: 'blocks of equal prompts are shared',
    },
    { prefixCaching: true },
    ({ prefixCaching }) => prefixCaching === true,
  ),
  switchOption<VllmOptions>(
    {
      name: 'no-enable-prefix-caching',
      flags: ['--no-enable-prefix-caching'],
      words: 'blocks of equal prompts are not shared',
    },
    { prefixCaching: false },
    ({ prefixCaching }) => prefixCaching === false,
  ),
  {
    name: 'core',
    flags: [],
    value: '<V0|V1>',
    words: 'the old or the new engine, in releases that have both (VLLM_USE_V1)',
    limit: 'V0 or V1 (0 or 1, as VLLM_USE_V1 has it)',
    field: null,
    read: (text) => (/^V?[01]$/.test(text) ? { core: text.endsWith('0') ? 'V0' : 'V1' } : null),
    write: ({ core }) => textOf(core),
  },
  ...speculativeOptions,
  ...graphOptions,
  ...memoryOptions,
  ...offloadOptions,
  ...itemOptions,
  ...expertOptions,
  ...configOptions,
  ...connectorOptions,
  ...stateOptions,
];

/** 0.9, 0,9 or 90 %. */
function shareOf(text: string): number | null {
  const [, digits, percent] = /^\s*(\d{0,3}(?:[.,]\d{1,4})?)\s*(%?)\s*$/.exec(text) ?? [];
  if (digits === undefined || digits === '') return null;
  const share = Number(digits.replace(',', '.')) / (percent === '%' ? 100 : 1);
  return share > 0 && share <= 1 ? share : null;
}
