/** Flags of vLLM that set or move memory by amounts: bytes of the cache, blocks, LoRA. */
import { GiB } from '@plimsoll/foundation';
import { countOption, type OptionSpec, switchOption, textOf } from '../contract/option-spec.ts';

export interface MemoryOptions {
  /** Bytes of the cache on each device: the share of the memory is then not asked. */
  readonly kvCacheBytes?: number | undefined;
  readonly blocksOverride?: number | undefined;
  /** GiB of host memory for blocks that leave the device. */
  readonly kvOffloadGib?: number | undefined;
  readonly loraEnabled?: boolean | undefined;
  readonly lorasMax?: number | undefined;
  readonly loraRankMax?: number | undefined;
  readonly lorasSharded?: boolean | undefined;
  /** Whether adapters may have biases, in releases until 0.10. */
  readonly loraBiases?: boolean | undefined;
}

/** 36864M, 30G, 25.6g, 1073741824: capitals are binary, small letters decimal (vllm/engine/arg_utils.py, human_readable_int). */
function humanBytes(text: string): number | null {
  const [, digits, letter] = /^(\d{1,15}(?:\.\d{1,6})?)([kKmMgGtT]?)$/.exec(text.trim()) ?? [];
  if (digits === undefined || letter === undefined) return null;
  const power = 'kmgt'.indexOf(letter.toLowerCase()) + 1;
  const base = letter === '' || letter === letter.toLowerCase() ? 1000 : 1024;
  const value = Number(digits) * base ** (letter === '' ? 0 : power);
  return Number.isInteger(value) && value > 0 ? value : null;
}

/** A number of GiB, such as 13 or 2.5. */
export function gibOf(text: string): number | null {
  return /^\d{1,6}(\.\d{1,4})?$/.test(text.trim()) ? Number(text) : null;
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
  {
    name: 'kv-offloading-size',
    flags: ['--kv-offloading-size'],
    words: 'GiB of host memory for KV blocks',
    value: '<gib>',
    limit: 'a number of GiB, such as 13 or 2.5',
    field: null,
    read: (text) => {
      const kvOffloadGib = gibOf(text);
      return kvOffloadGib === null ? null : { kvOffloadGib };
    },
    write: ({ kvOffloadGib }) => textOf(kvOffloadGib),
  },
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
  switchOption<MemoryOptions>(
    { name: 'enable-lora-bias', flags: ['--enable-lora-bias'], words: 'adapters have biases' },
    { loraBiases: true },
    ({ loraBiases }) => loraBiases === true,
  ),
];

/** GiB of an option as bytes. */
export function gibBytes(gib: number | undefined): number {
  return Math.round((gib ?? 0) * GiB);
}
