/** `--speculative-config`: which drafter proposes how many tokens per step (vllm/config/speculative.py). */
import { countOption, type OptionSpec } from '../contract/option-spec.ts';
import { jsonObject, stringOf, wholeOf } from './json-text.ts';

export interface SpeculativeConfig {
  /** `mtp`, `eagle3`, `dflash`, `ngram`, or a name of one model's MTP; null if vLLM derives the method from the model. */
  readonly method: string | null;
  /** Hub id or folder of the drafter; null if the model drafts for itself. */
  readonly model: string | null;
  /** Tokens per step; null if vLLM takes the drafter's own number. */
  readonly tokens: number | null;
  /** Devices that share the drafter; null for as many as share the model. */
  readonly tensor: number | null;
  /** The drafter's `--quantization`; null for its own. */
  readonly quantization: string | null;
  /** The object as a person wrote it. */
  readonly text: string;
}

/** Most tokens that vLLM drafts in a step, with room: lists of accepted tokens are that long. */
const tokensMax = 1024;

export interface SpeculativeOptions {
  readonly speculative?: SpeculativeConfig | undefined;
  /** `--speculative-model` of the releases before `--speculative-config`: a drafter, or `[ngram]`. */
  readonly speculativeModel?: string | undefined;
  /** Draft tokens per step, 0 for none. */
  readonly speculativeTokens?: number | undefined;
  /** Devices that share the drafter of `--speculative-model`. */
  readonly speculativeTensor?: number | undefined;
  /** `--spec-method`, `--spec-model` and `--spec-tokens` of newer releases, which fill `--speculative-config`. */
  readonly specMethod?: string | undefined;
  readonly specModel?: string | undefined;
  readonly specTokens?: number | undefined;
}

/** The drafter that the flags of any release state; null without speculative decoding by a named drafter. */
export function statedDrafter(options: SpeculativeOptions): SpeculativeConfig | null {
  const { speculative, speculativeModel: model, speculativeTokens: tokens = null } = options;
  const { specMethod, specModel, specTokens } = options;
  if (specMethod !== undefined || specModel !== undefined || speculative !== undefined) {
    const { method = null, tokens: stated = null, ...rest } = speculative ?? noConfig;
    return {
      ...rest,
      method: method ?? specMethod ?? null,
      model: rest.model ?? specModel ?? null,
      tokens: stated ?? specTokens ?? null,
    };
  }
  if (model === undefined) return null;
  const method = model === promptModel ? 'ngram' : null;
  return {
    method,
    model: method === null ? model : null,
    tokens,
    tensor: options.speculativeTensor ?? null,
    quantization: null,
    text: '',
  };
}

/** `--speculative-config` where only its short flags are given. */
const noConfig: SpeculativeConfig = {
  method: null,
  model: null,
  tokens: null,
  tensor: null,
  quantization: null,
  text: '',
};

/** The name that stands for drafts from the prompt. */
const promptModel = '[ngram]';

const configOption: OptionSpec<SpeculativeOptions> = {
  name: 'speculative-config',
  flags: ['--speculative-config', '-sc'],
  value: '<json>',
  words: 'the drafter of speculative decoding',
  limit: 'a JSON object such as {"method":"mtp","num_speculative_tokens":2}',
  field: null,
  read: (text) => {
    const value = jsonObject(text);
    if (value === null) return null;
    const tokens = value.num_speculative_tokens;
    if (tokens !== undefined && tokens !== null && wholeOf(tokens, tokensMax) === null) return null;
    const config: SpeculativeConfig = {
      method: stringOf(value.method),
      model: stringOf(value.model),
      tokens: wholeOf(tokens, tokensMax),
      tensor: wholeOf(value.draft_tensor_parallel_size, 1024),
      quantization: stringOf(value.quantization),
      text,
    };
    return config.method === null && config.model === null ? null : { speculative: config };
  },
  write: ({ speculative }) => speculative?.text ?? null,
  namedModel: ({ speculative }) => {
    const method = speculative?.method ?? '';
    return /^(ngram|ngram_gpu|suffix|mtp)$|_mtp$/.test(method) ? null : (speculative?.model ?? null);
  },
};

/** Longest name or path of a drafter. */
const nameLengthMax = 400;

export const speculativeOptions: readonly OptionSpec<SpeculativeOptions>[] = [
  configOption,
  {
    name: 'speculative-model',
    flags: ['--speculative-model'],
    value: '<model>',
    words: 'the drafter, in releases before --speculative-config',
    limit: 'a model, or [ngram]',
    field: null,
    read: (text) => {
      const speculativeModel = text.trim();
      return speculativeModel === '' || speculativeModel.length > nameLengthMax ? null : { speculativeModel };
    },
    write: ({ speculativeModel }) => speculativeModel ?? null,
    namedModel: ({ speculativeModel }) =>
      speculativeModel === promptModel ? null : (speculativeModel ?? null),
  },
  countOption<SpeculativeOptions>(
    {
      name: 'num-speculative-tokens',
      flags: ['--num-speculative-tokens'],
      words: 'draft tokens per step, in releases before --speculative-config',
    },
    (speculativeTokens) => ({ speculativeTokens }),
    ({ speculativeTokens }) => speculativeTokens,
  ),
  countOption<SpeculativeOptions>(
    {
      name: 'speculative-draft-tensor-parallel-size',
      flags: ['--speculative-draft-tensor-parallel-size'],
      words: 'devices that share the drafter, in releases before --speculative-config',
    },
    (speculativeTensor) => ({ speculativeTensor }),
    ({ speculativeTensor }) => speculativeTensor,
  ),
  {
    name: 'spec-method',
    flags: ['--spec-method'],
    value: '<method>',
    words: 'method of speculative decoding, in place of --speculative-config',
    limit: 'a method such as mtp, eagle3, dflash or ngram',
    field: null,
    read: (text) => (/^[a-z][a-z0-9_]{0,40}$/.test(text.trim()) ? { specMethod: text.trim() } : null),
    write: ({ specMethod }) => specMethod ?? null,
  },
  {
    name: 'spec-model',
    flags: ['--spec-model'],
    value: '<model>',
    words: 'the drafter, in place of --speculative-config',
    limit: 'a model',
    field: null,
    read: (text) => {
      const specModel = text.trim();
      return specModel === '' || specModel.length > nameLengthMax ? null : { specModel };
    },
    write: ({ specModel }) => specModel ?? null,
    namedModel: ({ specModel }) => specModel ?? null,
  },
  countOption<SpeculativeOptions>(
    {
      name: 'spec-tokens',
      flags: ['--spec-tokens'],
      words: 'draft tokens per step, in place of --speculative-config',
    },
    (specTokens) => ({ specTokens }),
    ({ specTokens }) => specTokens,
  ),
];
