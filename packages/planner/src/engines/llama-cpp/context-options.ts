/** Flags of llama-server that decide what a context keeps: slots, cache, outputs, positions. */
import { countOption, type OptionSpec, switchOption, textOf } from '../contract/option-spec.ts';

export interface ContextOptions {
  /** True if slots share one cache; false gives each slot its own part. */
  readonly unifiedCache?: boolean | undefined;
  /** Rows of logits per batch: one per slot, which the server requests, or one per token, the default of the library. */
  readonly outputs?: 'slots' | 'tokens' | undefined;
  /** Limit of the prompts that the server keeps in host memory, in MiB; 0 for none, -1 for no limit. */
  readonly promptCacheMib?: number | undefined;
  /** The projector's file, or its type; its tensors are those of the model's vision tower. */
  readonly projector?: string | undefined;
  /** False keeps the projector in host memory. */
  readonly offloadsProjector?: false | undefined;
  /** Most tokens of an image, instead of the model's own number. */
  readonly imageTokensMax?: number | undefined;
  /** Overrides of rotary positions. They change no bytes; a context past the training length needs one of them. */
  readonly ropeScaling?: 'none' | 'linear' | 'yarn' | undefined;
  readonly ropeScale?: number | undefined;
  readonly ropeFrequencyBase?: number | undefined;
  readonly ropeFrequencyScale?: number | undefined;
}

const ropeScalings = ['none', 'linear', 'yarn'] as const;
const outputKinds = ['slots', 'tokens'] as const;

export const contextOptions: readonly OptionSpec<ContextOptions>[] = [
  switchOption<ContextOptions>(
    { name: 'kv-unified', flags: ['-kvu', '--kv-unified'], words: 'all slots share one cache' },
    { unifiedCache: true },
    ({ unifiedCache }) => unifiedCache === true,
  ),
  switchOption<ContextOptions>(
    {
      name: 'no-kv-unified',
      flags: ['-no-kvu', '--no-kv-unified'],
      words: 'each slot has its own part of the cache',
    },
    { unifiedCache: false },
    ({ unifiedCache }) => unifiedCache === false,
  ),
  choiceOption<ContextOptions, 'slots' | 'tokens'>(
    {
      name: 'outputs',
      flags: [],
      words: 'rows of logits: one per slot, or one per token of a batch',
      choices: outputKinds,
    },
    (outputs) => ({ outputs }),
    ({ outputs }) => outputs,
  ),
  {
    name: 'cache-ram',
    flags: ['-cram', '--cache-ram'],
    value: '<MiB>',
    words: 'limit of the prompts kept in host memory',
    limit: 'a whole number of MiB, 0 for none, -1 for no limit',
    field: null,
    read: (text) => (/^(-1|\d{1,9})$/.test(text.trim()) ? { promptCacheMib: Number(text) } : null),
    write: ({ promptCacheMib }) => textOf(promptCacheMib),
  },
  {
    name: 'mmproj',
    flags: ['-mm', '--mmproj', '-mmu', '--mmproj-url'],
    value: '<file>',
    words: 'the projector of images, whose name may state its type: mmproj-F16.gguf',
    limit: 'a file or its address',
    field: null,
    read: (text) => (text.trim() === '' ? null : { projector: text.trim() }),
    write: ({ projector }) => textOf(projector),
  },
  switchOption<ContextOptions>(
    {
      name: 'no-mmproj-offload',
      flags: ['--no-mmproj-offload'],
      words: 'the projector stays in host memory',
    },
    { offloadsProjector: false },
    ({ offloadsProjector }) => offloadsProjector === false,
  ),
  countOption<ContextOptions>(
    { name: 'image-max-tokens', flags: ['--image-max-tokens'], words: 'most tokens of an image' },
    (imageTokensMax) => ({ imageTokensMax }),
    ({ imageTokensMax }) => imageTokensMax,
  ),
  choiceOption<ContextOptions, 'none' | 'linear' | 'yarn'>(
    {
      name: 'rope-scaling',
      flags: ['--rope-scaling'],
      words: 'how positions are stretched',
      choices: ropeScalings,
    },
    (ropeScaling) => ({ ropeScaling }),
    ({ ropeScaling }) => ropeScaling,
  ),
  realOption(
    { name: 'rope-scale', flags: ['--rope-scale'], words: 'factor by which the context is stretched' },
    (ropeScale) => ({ ropeScale }),
    ({ ropeScale }) => ropeScale,
  ),
  realOption(
    { name: 'rope-freq-base', flags: ['--rope-freq-base'], words: 'base of the rotary frequencies' },
    (ropeFrequencyBase) => ({ ropeFrequencyBase }),
    ({ ropeFrequencyBase }) => ropeFrequencyBase,
  ),
  realOption(
    { name: 'rope-freq-scale', flags: ['--rope-freq-scale'], words: 'factor of the rotary frequencies' },
    (ropeFrequencyScale) => ({ ropeFrequencyScale }),
    ({ ropeFrequencyScale }) => ropeFrequencyScale,
  ),
];

interface ChosenOption<Choice extends string> {
  readonly name: string;
  readonly flags: readonly string[];
  readonly words: string;
  readonly choices: readonly Choice[];
}

function choiceOption<Options extends object, Choice extends string>(
  { choices, ...facts }: ChosenOption<Choice>,
  set: (choice: Choice) => Options,
  get: (options: Options) => Choice | undefined,
): OptionSpec<Options> {
  return {
    ...facts,
    value: '<kind>',
    limit: choices.join(', '),
    field: null,
    read: (text) => {
      const found = choices.find((choice) => choice === text.trim());
      return found === undefined ? null : set(found);
    },
    write: (options) => textOf(get(options)),
  };
}

/** An option whose value is a number above 0. */
function realOption(
  facts: { readonly name: string; readonly flags: readonly string[]; readonly words: string },
  set: (value: number) => ContextOptions,
  get: (options: ContextOptions) => number | undefined,
): OptionSpec<ContextOptions> {
  return {
    ...facts,
    value: '<number>',
    limit: 'a number above 0',
    field: null,
    read: (text) => {
      const value = Number(text);
      return text.trim() !== '' && value > 0 && Number.isFinite(value) ? set(value) : null;
    },
    write: (options) => textOf(get(options)),
  };
}
