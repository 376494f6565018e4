/** Flags of vLLM for layers with recurrent state, and for how devices share a sequence. */
import { countOption, type OptionSpec, switchOption } from '../contract/option-spec.ts';

export type MambaCacheMode = 'none' | 'align' | 'all';

export interface StateOptions {
  readonly mambaCacheMode?: MambaCacheMode | undefined;
  readonly mambaBlockTokens?: number | undefined;
  readonly mambaCacheType?: string | undefined;
  readonly mambaSsmCacheType?: string | undefined;
  /** Tensor-parallel devices that share the tokens of a sequence. */
  readonly decodeContextParallel?: number | undefined;
  /** Layers of each pipeline stage (VLLM_PP_LAYER_PARTITION). */
  readonly layerPartition?: readonly number[] | undefined;
  /** Layers whose cache keeps the model's type: numbers of layers, or `sliding_window`. */
  readonly cacheSkips?: readonly string[] | undefined;
  /** Whether windowed layers see the whole context, which is then no longer than the window. */
  readonly noWindows?: boolean | undefined;
}

const cacheModes: readonly MambaCacheMode[] = ['none', 'align', 'all'];
/** The name of all windowed layers in --kv-cache-dtype-skip-layers. */
export const windowedLayers = 'sliding_window';

const stateTypes = ['auto', 'float32', 'float16', 'bfloat16'];

function typeOption(
  described: Pick<OptionSpec<StateOptions>, 'name' | 'flags' | 'words'>,
  set: (type: string) => StateOptions,
  get: (options: StateOptions) => string | undefined,
): OptionSpec<StateOptions> {
  return {
    ...described,
    value: '<type>',
    limit: stateTypes.join(', '),
    field: null,
    read: (text) => (stateTypes.includes(text) ? set(text) : null),
    write: (options) => get(options) ?? null,
  };
}

export const stateOptions: readonly OptionSpec<StateOptions>[] = [
  {
    name: 'mamba-cache-mode',
    flags: ['--mamba-cache-mode'],
    value: '<mode>',
    words: 'which recurrent states are kept for prefixes',
    limit: cacheModes.join(', '),
    field: null,
    read: (text) => {
      const mambaCacheMode = cacheModes.find((mode) => mode === text);
      return mambaCacheMode === undefined ? null : { mambaCacheMode };
    },
    write: ({ mambaCacheMode }) => mambaCacheMode ?? null,
  },
  countOption<StateOptions>(
    { name: 'mamba-block-size', flags: ['--mamba-block-size'], words: 'tokens between kept states' },
    (mambaBlockTokens) => ({ mambaBlockTokens }),
    ({ mambaBlockTokens }) => mambaBlockTokens,
  ),
  typeOption(
    { name: 'mamba-cache-dtype', flags: ['--mamba-cache-dtype'], words: 'type of convolution states' },
    (mambaCacheType) => ({ mambaCacheType }),
    ({ mambaCacheType }) => mambaCacheType,
  ),
  typeOption(
    { name: 'mamba-ssm-cache-dtype', flags: ['--mamba-ssm-cache-dtype'], words: 'type of recurrent states' },
    (mambaSsmCacheType) => ({ mambaSsmCacheType }),
    ({ mambaSsmCacheType }) => mambaSsmCacheType,
  ),
  countOption<StateOptions>(
    {
      name: 'decode-context-parallel-size',
      flags: ['--decode-context-parallel-size', '-dcp'],
      words: 'tensor-parallel devices that share the tokens of a sequence',
    },
    (decodeContextParallel) => ({ decodeContextParallel }),
    ({ decodeContextParallel }) => decodeContextParallel,
  ),
  switchOption<StateOptions>(
    {
      name: 'disable-sliding-window',
      flags: ['--disable-sliding-window'],
      words: 'windowed layers see the whole context, which is then no longer than the window',
    },
    { noWindows: true },
    ({ noWindows }) => noWindows === true,
  ),
  {
    name: 'kv-cache-dtype-skip-layers',
    flags: ['--kv-cache-dtype-skip-layers'],
    value: '<layers>',
    words: 'layers whose cache keeps the type of the model',
    limit: `numbers of layers, or ${windowedLayers}`,
    field: null,
    takesWords: true,
    read: (text) => {
      const cacheSkips = text.trim().split(/[\s,]+/);
      const areLayers = cacheSkips.every((word) => word === windowedLayers || /^\d{1,5}$/.test(word));
      return areLayers && cacheSkips.length <= 1024 ? { cacheSkips } : null;
    },
    write: ({ cacheSkips }) => cacheSkips?.join(' ') ?? null,
  },
  {
    name: 'pp-layer-partition',
    flags: [],
    value: '<layers>',
    words: 'layers of each pipeline stage, as VLLM_PP_LAYER_PARTITION has them',
    limit: 'whole numbers with commas, such as 16,32',
    field: null,
    read: (text) => {
      const parts = text.split(',');
      if (parts.length > 1024 || parts.some((part) => !/^\s*\d{1,5}\s*$/.test(part))) return null;
      return { layerPartition: parts.map(Number) };
    },
    write: ({ layerPartition }) => layerPartition?.join(',') ?? null,
  },
];
