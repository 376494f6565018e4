/** Load settings of LM Studio that change memory; its command line has few of them. */
import { countOption, type OptionSpec, textOf } from '../contract/option-spec.ts';
import { type LlamaCppOptions, llamaCppOptions } from '../llama-cpp/options.ts';

type Shared = Pick<
  LlamaCppOptions,
  | 'flashAttention'
  | 'keyFormat'
  | 'valueFormat'
  | 'mapsFile'
  | 'offloadsCache'
  | 'cpuExpertLayers'
  | 'unifiedCache'
>;

export interface LmStudioOptions extends Shared {
  /** `--gpu`: share of the layers on devices; undefined leaves the choice to LM Studio. */
  readonly offloadShare?: number | undefined;
  /** Evaluation batch size: logical and physical batch. */
  readonly evalBatch?: number | undefined;
}

/** Settings of the load dialog and of the SDK that are options of llama.cpp too. */
const sharedNames: ReadonlySet<string> = new Set([
  ...['fa', 'ctk', 'ctv', 'no-mmap', 'nkvo', 'n-cpu-moe', 'cpu-moe', 'kv-unified', 'no-kv-unified'],
]);

const shared: readonly OptionSpec<LmStudioOptions>[] = llamaCppOptions
  .filter(({ name }) => sharedNames.has(name))
  .map((spec) => ({ ...spec, flags: [] }));

export const lmStudioOptions: readonly OptionSpec<LmStudioOptions>[] = [
  ...shared,
  {
    // `plimsoll plan --gpu` names the device, so that the option has another name than LM Studio's flag.
    name: 'offload',
    flags: [],
    value: '<share>',
    words: 'share of the layers on the device (lms load --gpu)',
    limit: 'off, max, or a share from 0 to 1',
    field: 'text',
    read: (text) => {
      const offloadShare = shareOf(text.trim().toLowerCase());
      return offloadShare === null ? null : { offloadShare };
    },
    write: ({ offloadShare }) => textOf(offloadShare),
  },
  countOption<LmStudioOptions>(
    { name: 'eval-batch', flags: [], value: '<tokens>', words: 'evaluation batch size' },
    (evalBatch) => ({ evalBatch }),
    ({ evalBatch }) => evalBatch,
  ),
];

function shareOf(text: string): number | null {
  if (text === 'off') return 0;
  if (text === 'max') return 1;
  if (!/^(?:0|1|0?\.\d{1,4}|1\.0{1,4})$/.test(text)) return null;
  return Number(text);
}
