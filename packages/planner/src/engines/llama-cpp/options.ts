/** Flags of llama-server that change memory. An undefined option leaves the choice to llama-server. */
import { type KvFormat, parseKvFormat } from '../../bytes/kv-format.ts';
import { countOption, type OptionSpec, switchOption, textOf } from '../contract/option-spec.ts';
import { cacheTypes, ggmlName } from './cache-types.ts';
import { type ContextOptions, contextOptions } from './context-options.ts';
import { type PlacementOptions, placementOptions } from './placement-options.ts';
import { type SpeculationOptions, speculationOptions } from './speculation-options.ts';

export interface LlamaCppOptions extends PlacementOptions, ContextOptions, SpeculationOptions {
  /** `auto` takes as many layers as fit. */
  readonly gpuLayers?: number | 'all' | 'auto' | undefined;
  readonly keyFormat?: KvFormat | undefined;
  readonly valueFormat?: KvFormat | undefined;
  readonly flashAttention?: boolean | undefined;
  readonly batchTokens?: number | undefined;
  readonly physicalBatchTokens?: number | undefined;
  /** Layers whose experts stay in host memory. */
  readonly cpuExpertLayers?: number | 'all' | undefined;
  readonly fullWindowCache?: boolean | undefined;
}

/** Words for a context that llama-server chooses: reduced to the free memory, or never reduced (`-c 0`). */
export const openContexts = { reduced: 'fit', whole: 'full' } as const;

export const llamaCppOptions: readonly OptionSpec<LlamaCppOptions>[] = [
  {
    name: 'ngl',
    flags: ['-ngl', '--n-gpu-layers', '--gpu-layers'],
    value: '<layers>',
    words: 'layers on the GPU, a number, all or auto',
    limit: 'a number of layers, all or auto',
    field: 'text',
    read: (text) => gpuLayersOf(text.trim()),
    write: ({ gpuLayers }) => textOf(gpuLayers),
  },
  {
    name: 'ctk',
    flags: ['-ctk', '--cache-type-k'],
    value: '<format>',
    words: 'type of cached keys',
    limit: cacheTypes,
    field: null,
    read: (text) => ({ keyFormat: parseKvFormat(text) }),
    write: ({ keyFormat }) => (keyFormat === undefined ? null : ggmlName(keyFormat)),
  },
  {
    name: 'ctv',
    flags: ['-ctv', '--cache-type-v'],
    value: '<format>',
    words: 'type of cached values',
    limit: cacheTypes,
    field: null,
    read: (text) => ({ valueFormat: parseKvFormat(text) }),
    write: ({ valueFormat }) => (valueFormat === undefined ? null : ggmlName(valueFormat)),
  },
  {
    name: 'fa',
    flags: ['-fa', '--flash-attn'],
    value: '<on|off>',
    bare: 'on',
    words: 'flash attention',
    limit: 'on, off or auto',
    field: ['on', 'off'],
    read: flashAttentionOf,
    write: ({ flashAttention }) => (flashAttention === undefined ? null : flashAttention ? 'on' : 'off'),
  },
  countOption<LlamaCppOptions>(
    { name: 'batch', flags: ['-b', '--batch-size'], value: '<tokens>', words: 'logical batch' },
    (batchTokens) => ({ batchTokens }),
    ({ batchTokens }) => batchTokens,
  ),
  countOption<LlamaCppOptions>(
    { name: 'ub', flags: ['-ub', '--ubatch-size'], value: '<tokens>', words: 'physical batch' },
    (physicalBatchTokens) => ({ physicalBatchTokens }),
    ({ physicalBatchTokens }) => physicalBatchTokens,
  ),
  switchOption<LlamaCppOptions>(
    { name: 'swa-full', flags: ['--swa-full'], words: 'keep every token of sliding-window layers' },
    { fullWindowCache: true },
    ({ fullWindowCache }) => fullWindowCache === true,
  ),
  countOption<LlamaCppOptions>(
    {
      name: 'n-cpu-moe',
      flags: ['--n-cpu-moe', '-ncmoe'],
      value: '<layers>',
      words: 'layers whose experts stay in host memory',
    },
    (cpuExpertLayers) => ({ cpuExpertLayers }),
    ({ cpuExpertLayers }) => (typeof cpuExpertLayers === 'number' ? cpuExpertLayers : undefined),
  ),
  switchOption<LlamaCppOptions>(
    {
      name: 'cpu-moe',
      flags: ['--cpu-moe', '-cmoe'],
      words: 'the experts of all layers stay in host memory',
    },
    { cpuExpertLayers: 'all' },
    ({ cpuExpertLayers }) => cpuExpertLayers === 'all',
  ),
  ...placementOptions,
  ...contextOptions,
  ...speculationOptions,
];

/**
 * The options of builds without automatic flash attention: there `-fa` is a switch without a value, and flash attention is
 * off by default.
 */
export const llamaCppSwitchOptions: readonly OptionSpec<LlamaCppOptions>[] = llamaCppOptions.map((spec) =>
  spec.name === 'fa'
    ? switchOption<LlamaCppOptions>(
        spec,
        { flashAttention: true },
        ({ flashAttention }) => flashAttention === true,
      )
    : spec,
);

function gpuLayersOf(text: string): LlamaCppOptions | null {
  if (text === 'all' || text === 'auto') return { gpuLayers: text };
  if (text === '-1') return { gpuLayers: 'all' };
  return /^\d{1,4}$/.test(text) ? { gpuLayers: Number(text) } : null;
}

function flashAttentionOf(text: string): LlamaCppOptions | null {
  const word = text.trim().toLowerCase();
  if (word === 'auto') return {};
  if (['on', '1', 'true'].includes(word)) return { flashAttention: true };
  return ['off', '0', 'false'].includes(word) ? { flashAttention: false } : null;
}
