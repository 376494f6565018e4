/**
 * Settings of Ollama that change memory. They are environment variables of its server or parameters of a Modelfile, and
 * have no flags.
 */
import { PlimsollError, parseBytes } from '@plimsoll/foundation';
import { countOption, type OptionSpec, switchOption, textOf } from '../contract/option-spec.ts';
import { type LlamaCppOptions, llamaCppOptions } from '../llama-cpp/options.ts';

type Shared = Pick<LlamaCppOptions, 'gpuLayers' | 'flashAttention' | 'fit' | 'fitMarginMib' | 'mapsFile'>;

export interface OllamaOptions extends Shared {
  /** `num_batch`: logical and physical batch. */
  readonly numBatch?: number | undefined;
  /** OLLAMA_GPU_OVERHEAD: bytes that the choice of the default context leaves out, per device. */
  readonly gpuOverheadBytes?: number | undefined;
  /** OLLAMA_SCHED_SPREAD: uses every device, also for a model that a single device holds. */
  readonly spreads?: boolean | undefined;
}

/** Options of llama.cpp that Ollama sets too: num_gpu, OLLAMA_FLASH_ATTENTION, LLAMA_ARG_FIT, use_mmap. */
const sharedNames: ReadonlySet<string> = new Set(['ngl', 'fa', 'fit', 'fit-target', 'no-mmap']);

const shared: readonly OptionSpec<OllamaOptions>[] = llamaCppOptions
  .filter(({ name }) => sharedNames.has(name))
  .map((spec) => ({ ...spec, flags: [] }));

export const ollamaOptions: readonly OptionSpec<OllamaOptions>[] = [
  ...shared,
  countOption<OllamaOptions>(
    { name: 'num-batch', flags: [], value: '<tokens>', words: 'logical and physical batch (num_batch)' },
    (numBatch) => ({ numBatch }),
    ({ numBatch }) => numBatch,
  ),
  {
    name: 'gpu-overhead',
    flags: [],
    value: '<bytes>',
    words: 'memory of each device that the default context does not count (OLLAMA_GPU_OVERHEAD)',
    limit: 'bytes, such as 536870912 or 512MiB',
    field: null,
    read: (text) => {
      const gpuOverheadBytes = bytesOf(text);
      return gpuOverheadBytes === null ? null : { gpuOverheadBytes };
    },
    write: ({ gpuOverheadBytes }) => textOf(gpuOverheadBytes),
  },
  switchOption<OllamaOptions>(
    { name: 'sched-spread', flags: [], words: 'every device takes a part (OLLAMA_SCHED_SPREAD)' },
    { spreads: true },
    ({ spreads }) => spreads === true,
  ),
];

function bytesOf(text: string): number | null {
  if (/^\d{1,15}$/.test(text.trim())) return Number(text);
  try {
    return parseBytes(text);
  } catch (error) {
    if (error instanceof PlimsollError) return null;
    throw error;
  }
}
