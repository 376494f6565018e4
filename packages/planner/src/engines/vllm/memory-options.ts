/** Flags of vLLM that set or move memory by amounts: bytes of the cache, blocks, offloading, LoRA, images. */
import { GiB } from '@plimsoll/foundation';
import { countOption, type OptionSpec, switchOption, textOf } from '../contract/option-spec.ts';
import { type JsonObject, jsonObject, wholeOf } from './json-text.ts';

export interface MemoryOptions {
  /** Bytes of the cache on each device: the share of the memory is then not asked. */
  readonly kvCacheBytes?: number | undefined;
  readonly blocksOverride?: number | undefined;
  /** GiB of weights that a device leaves in host memory. */
  readonly cpuOffloadGib?: number | undefined;
  /** GiB of host memory for blocks that leave the device. */
  readonly kvOffloadGib?: number | undefined;
  readonly loraEnabled?: boolean | undefined;
  readonly lorasMax?: number | undefined;
  readonly loraRankMax?: number | undefined;
  readonly lorasSharded?: boolean | undefined;
  /** Most items of a request by modality: image, video, audio. */
  readonly itemLimits?: Readonly<Record<string, number>> | undefined;
  /** Pixels of the largest image (--mm-processor-kwargs). */
  readonly imagePixelsMax?: number | undefined;
  readonly processorText?: string | undefined;
  readonly languageModelOnly?: boolean | undefined;
  readonly skipsItemProfile?: boolean | undefined;
  /** How devices share the encoders: slices of the weights, or whole weights and a part of the images. */
  readonly encoderMode?: EncoderMode | undefined;
  /** The object of --hf-overrides as a person wrote it. */
  readonly overridesText?: string | undefined;
}

type EncoderMode = 'weights' | 'data';

/** 36864M, 30G, 25.6g, 1073741824: capitals are binary, small letters decimal (vllm/engine/arg_utils.py, human_readable_int). */
function humanBytes(text: string): number | null {
  const [, digits, letter] = /^(\d{1,15}(?:\.\d{1,6})?)([kKmMgGtT]?)$/.exec(text.trim()) ?? [];
  if (digits === undefined || letter === undefined) return null;
  const power = 'kmgt'.indexOf(letter.toLowerCase()) + 1;
  const base = letter === '' || letter === letter.toLowerCase() ? 1000 : 1024;
  const value = Number(digits) * base ** (letter === '' ? 0 : power);
  return Number.isInteger(value) && value > 0 ? value : null;
}

const encoderModes: readonly EncoderMode[] = ['weights', 'data'];

/** Largest image that a flag may state. */
const pixelsMax = 1e9;

function gibOption(
  described: Pick<OptionSpec<MemoryOptions>, 'name' | 'flags' | 'words'>,
  set: (gib: number) => MemoryOptions,
  get: (options: MemoryOptions) => number | undefined,
): OptionSpec<MemoryOptions> {
  return {
    ...described,
    value: '<gib>',
    limit: 'a number of GiB, such as 13 or 2.5',
    field: null,
    read: (text) => {
      const gib = Number(text);
      return /^\d{1,6}(\.\d{1,4})?$/.test(text.trim()) ? set(gib) : null;
    },
    write: (options) => textOf(get(options)),
  };
}

/** `{"image": 2, "video": {"count": 1}}`, or the older `image=2,video=1`. */
function itemLimits(text: string): Readonly<Record<string, number>> | null {
  const object = jsonObject(text) ?? pairsOf(text);
  if (object === null) return null;
  const limits: Record<string, number> = {};
  for (const [modality, value] of Object.entries(object)) {
    const counted = typeof value === 'object' && value !== null && 'count' in value ? value.count : value;
    const count = wholeOf(counted, 100_000);
    if (count === null) return null;
    limits[modality] = count;
  }
  return limits;
}

function pairsOf(text: string): Readonly<Record<string, unknown>> | null {
  const pairs = text.split(',').map((part) => /^\s*(\w{1,20})=(\d{1,6})\s*$/.exec(part));
  if (pairs.some((pair) => pair === null)) return null;
  return Object.fromEntries(pairs.map((pair) => [pair?.[1] ?? '', Number(pair?.[2])]));
}

export const memoryOptions: readonly OptionSpec<MemoryOptions>[] = [
  {
    name: 'kv-cache-memory-bytes',
    flags: ['--kv-cache-memory-bytes', '--kv-cache-memory'],
    value: '<bytes>',
    words: 'bytes of the KV cache on each device, whatever the share of the memory',
    limit: 'bytes such as 38654705664, 36864M or 36G',
    field: null,
    read: (text) => {
      const kvCacheBytes = humanBytes(text);
      return kvCacheBytes === null ? null : { kvCacheBytes };
    },
    write: ({ kvCacheBytes }) => textOf(kvCacheBytes),
  },
  countOption<MemoryOptions>(
    {
      name: 'num-gpu-blocks-override',
      flags: ['--num-gpu-blocks-override'],
      words: 'blocks of the KV cache',
    },
    (blocksOverride) => ({ blocksOverride }),
    ({ blocksOverride }) => blocksOverride,
  ),
  gibOption(
    { name: 'cpu-offload-gb', flags: ['--cpu-offload-gb'], words: 'GiB of weights in host memory' },
    (cpuOffloadGib) => ({ cpuOffloadGib }),
    ({ cpuOffloadGib }) => cpuOffloadGib,
  ),
  gibOption(
    {
      name: 'kv-offloading-size',
      flags: ['--kv-offloading-size'],
      words: 'GiB of host memory for KV blocks',
    },
    (kvOffloadGib) => ({ kvOffloadGib }),
    ({ kvOffloadGib }) => kvOffloadGib,
  ),
  switchOption<MemoryOptions>(
    { name: 'enable-lora', flags: ['--enable-lora'], words: 'LoRA adapters' },
    { loraEnabled: true },
    ({ loraEnabled }) => loraEnabled === true,
  ),
  countOption<MemoryOptions>(
    { name: 'max-loras', flags: ['--max-loras'], words: 'adapters in one batch' },
    (lorasMax) => ({ lorasMax }),
    ({ lorasMax }) => lorasMax,
  ),
  countOption<MemoryOptions>(
    { name: 'max-lora-rank', flags: ['--max-lora-rank'], words: 'largest rank of an adapter' },
    (loraRankMax) => ({ loraRankMax }),
    ({ loraRankMax }) => loraRankMax,
  ),
  switchOption<MemoryOptions>(
    {
      name: 'fully-sharded-loras',
      flags: ['--fully-sharded-loras'],
      words: 'both factors of an adapter are cut',
    },
    { lorasSharded: true },
    ({ lorasSharded }) => lorasSharded === true,
  ),
  {
    name: 'limit-mm-per-prompt',
    flags: ['--limit-mm-per-prompt'],
    value: '<json>',
    words: 'most images, videos or audios of a request',
    limit: 'counts such as {"image": 2, "video": 0} or image=2',
    field: null,
    read: (text) => {
      const limits = itemLimits(text);
      return limits === null ? null : { itemLimits: limits };
    },
    write: ({ itemLimits: limits }) => (limits === undefined ? null : JSON.stringify(limits)),
  },
  {
    name: 'mm-processor-kwargs',
    flags: ['--mm-processor-kwargs'],
    value: '<json>',
    words: 'sizes of images',
    limit: 'a JSON object such as {"max_pixels": 1003520}',
    field: null,
    read: (text) => {
      const value = jsonObject(text);
      if (value === null) return null;
      const size = typeof value.size === 'object' && value.size !== null ? (value.size as JsonObject) : {};
      const most = wholeOf(value.max_pixels, pixelsMax) ?? wholeOf(size.longest_edge, pixelsMax);
      return { ...(most !== null && { imagePixelsMax: most }), processorText: text };
    },
    write: ({ processorText }) => processorText ?? null,
  },
  switchOption<MemoryOptions>(
    {
      name: 'language-model-only',
      flags: ['--language-model-only'],
      words: 'no encoders of images or audio',
    },
    { languageModelOnly: true },
    ({ languageModelOnly }) => languageModelOnly === true,
  ),
  switchOption<MemoryOptions>(
    { name: 'skip-mm-profiling', flags: ['--skip-mm-profiling'], words: 'encoders are not profiled' },
    { skipsItemProfile: true },
    ({ skipsItemProfile }) => skipsItemProfile === true,
  ),
  {
    name: 'mm-encoder-tp-mode',
    flags: ['--mm-encoder-tp-mode'],
    value: '<mode>',
    words: 'how devices share the encoders of images and audio',
    limit: encoderModes.join(', '),
    field: null,
    read: (text) => {
      const encoderMode = encoderModes.find((mode) => mode === text);
      return encoderMode === undefined ? null : { encoderMode };
    },
    write: ({ encoderMode }) => encoderMode ?? null,
  },
  {
    name: 'hf-overrides',
    flags: ['--hf-overrides'],
    value: '<json>',
    words: "values that replace values of the model's config.json",
    limit: 'a JSON object such as {"rope_parameters": {"rope_type": "yarn", "factor": 4.0}}',
    field: null,
    read: (text) => (jsonObject(text) === null ? null : { overridesText: text }),
    write: ({ overridesText }) => overridesText ?? null,
    configOverrides: ({ overridesText }) => jsonObject(overridesText ?? ''),
  },
];

/** GiB of an option as bytes. */
export function gibBytes(gib: number | undefined): number {
  return Math.round((gib ?? 0) * GiB);
}
