/** The flags of sglang.launch_server that a plan knows. Undefined leaves the choice to SGLang. */
import type { ModelSpec } from '@plimsoll/model-files/spec';
import {
  choiceOption,
  countOption,
  decimalOption,
  nameOption,
  type OptionSpec,
  switchOption,
  textOf,
} from '../contract/option-spec.ts';

export interface SglangOptions {
  readonly memFractionStatic?: number | undefined;
  readonly chunkedPrefillSize?: number | undefined;
  readonly maxRunningRequests?: number | undefined;
  readonly maxTotalTokens?: number | undefined;
  readonly pageSize?: number | undefined;
  readonly cudaGraphMaxBs?: number | undefined;
  readonly disableCudaGraph?: boolean | undefined;
  readonly disablePrefillGraph?: boolean | undefined;
  readonly disableRadixCache?: boolean | undefined;
  readonly disableOverlap?: boolean | undefined;
  readonly disableWindowPool?: boolean | undefined;
  readonly disaggregationMode?: string | undefined;
  /** Attention is copied over --dp-size groups of the tensor-parallel devices; without it, --dp-size counts whole replicas. */
  readonly dpAttention?: boolean | undefined;
  readonly expertParallelSize?: number | undefined;
  /** Total number of copies of busy experts. */
  readonly redundantExperts?: number | undefined;
  readonly denseTensorSize?: number | undefined;
  /** True if the head is cut only over the devices of an attention group. */
  readonly dpHead?: boolean | undefined;
  readonly moeA2aBackend?: string | undefined;
  readonly attentionBackend?: string | undefined;
  readonly swaFullTokensRatio?: number | undefined;
  readonly mambaFullMemoryRatio?: number | undefined;
  readonly maxMambaCacheSize?: number | undefined;
  readonly mambaStateType?: string | undefined;
  readonly mambaSchedulerStrategy?: string | undefined;
  readonly languageOnly?: boolean | undefined;
  readonly speculativeAlgorithm?: string | undefined;
  readonly speculativeSteps?: number | undefined;
  readonly speculativeTopk?: number | undefined;
  readonly speculativeDraftTokens?: number | undefined;
  /** The draft checkpoint of --speculative-draft-model-path; `reference` is the model as typed. */
  readonly draft?:
    | { readonly spec: ModelSpec; readonly tokens: number; readonly reference?: string | undefined }
    | undefined;
}

/** Algorithms whose proposals come from a model; n-gram lookup holds no memory of the device. */
export const draftAlgorithms = ['EAGLE', 'EAGLE3', 'NEXTN', 'STANDALONE', 'DFLASH', 'DSPARK'] as const;

const algorithms: readonly string[] = [...draftAlgorithms, 'NGRAM', 'LOOKAHEAD'];

const poolOptions: readonly OptionSpec<SglangOptions>[] = [
  decimalOption<SglangOptions>(
    {
      name: 'mem-fraction-static',
      flags: ['--mem-fraction-static'],
      words: 'share of the memory free before the load that weights and cache may take',
      field: 'number',
    },
    (memFractionStatic) => ({ memFractionStatic }),
    ({ memFractionStatic }) => memFractionStatic,
  ),
  countOption<SglangOptions>(
    {
      name: 'max-running-requests',
      flags: ['--max-running-requests'],
      words: 'sequences at once',
      field: 'number',
    },
    (maxRunningRequests) => ({ maxRunningRequests }),
    ({ maxRunningRequests }) => maxRunningRequests,
  ),
  countOption<SglangOptions>(
    {
      name: 'max-total-tokens',
      flags: ['--max-total-tokens'],
      value: '<tokens>',
      words: 'most tokens of the KV pool',
    },
    (maxTotalTokens) => ({ maxTotalTokens }),
    ({ maxTotalTokens }) => maxTotalTokens,
  ),
  countOption<SglangOptions>(
    {
      name: 'page-size',
      flags: ['--page-size'],
      value: '<tokens>',
      words: 'tokens of a page of the KV pool',
    },
    (pageSize) => ({ pageSize }),
    ({ pageSize }) => pageSize,
  ),
  decimalOption<SglangOptions>(
    {
      name: 'swa-full-tokens-ratio',
      flags: ['--swa-full-tokens-ratio'],
      words: 'tokens of sliding-window layers for each token of full layers',
    },
    (swaFullTokensRatio) => ({ swaFullTokensRatio }),
    ({ swaFullTokensRatio }) => swaFullTokensRatio,
  ),
  switchOption<SglangOptions>(
    { name: 'disable-radix-cache', flags: ['--disable-radix-cache'], words: 'no prefix is kept for reuse' },
    { disableRadixCache: true },
    ({ disableRadixCache }) => disableRadixCache === true,
  ),
  switchOption<SglangOptions>(
    {
      name: 'disable-hybrid-swa-memory',
      flags: ['--disable-hybrid-swa-memory'],
      words: 'sliding-window layers keep every token',
    },
    { disableWindowPool: true },
    ({ disableWindowPool }) => disableWindowPool === true,
  ),
];

const stateOptions: readonly OptionSpec<SglangOptions>[] = [
  decimalOption<SglangOptions>(
    {
      name: 'mamba-full-memory-ratio',
      flags: ['--mamba-full-memory-ratio'],
      value: '<ratio>',
      words: 'memory of recurrent state for each byte of the KV pool',
      most: 100,
    },
    (mambaFullMemoryRatio) => ({ mambaFullMemoryRatio }),
    ({ mambaFullMemoryRatio }) => mambaFullMemoryRatio,
  ),
  countOption<SglangOptions>(
    {
      name: 'max-mamba-cache-size',
      flags: ['--max-mamba-cache-size'],
      words: 'slots of recurrent state',
    },
    (maxMambaCacheSize) => ({ maxMambaCacheSize }),
    ({ maxMambaCacheSize }) => maxMambaCacheSize,
  ),
  choiceOption<SglangOptions>(
    {
      name: 'mamba-ssm-dtype',
      flags: ['--mamba-ssm-dtype'],
      words: 'type of recurrent state',
      choices: ['float32', 'bfloat16', 'float16'],
    },
    (mambaStateType) => ({ mambaStateType }),
    ({ mambaStateType }) => mambaStateType,
  ),
  switchOption<SglangOptions>(
    {
      name: 'disable-overlap-schedule',
      flags: ['--disable-overlap-schedule'],
      words: 'no step is prepared while another runs',
    },
    { disableOverlap: true },
    ({ disableOverlap }) => disableOverlap === true,
  ),
  choiceOption<SglangOptions>(
    {
      name: 'mamba-scheduler-strategy',
      flags: ['--mamba-scheduler-strategy', '--mamba-radix-cache-strategy'],
      words: 'how prefixes of recurrent state are kept',
      choices: ['auto', 'no_buffer', 'extra_buffer', 'extra_buffer_lazy'],
    },
    (mambaSchedulerStrategy) => ({ mambaSchedulerStrategy }),
    ({ mambaSchedulerStrategy }) => mambaSchedulerStrategy,
  ),
];

const stepOptions: readonly OptionSpec<SglangOptions>[] = [
  countOption<SglangOptions>(
    {
      name: 'chunked-prefill-size',
      flags: ['--chunked-prefill-size'],
      value: '<tokens>',
      words: 'prompt tokens of one step',
      field: 'number',
    },
    (chunkedPrefillSize) => ({ chunkedPrefillSize }),
    ({ chunkedPrefillSize }) => chunkedPrefillSize,
  ),
  countOption<SglangOptions>(
    {
      name: 'cuda-graph-max-bs',
      flags: ['--cuda-graph-max-bs', '--cuda-graph-max-bs-decode'],
      words: 'largest batch of captured decode graphs',
    },
    (cudaGraphMaxBs) => ({ cudaGraphMaxBs }),
    ({ cudaGraphMaxBs }) => cudaGraphMaxBs,
  ),
  switchOption<SglangOptions>(
    { name: 'disable-cuda-graph', flags: ['--disable-cuda-graph'], words: 'no CUDA graphs of decode steps' },
    { disableCudaGraph: true },
    ({ disableCudaGraph }) => disableCudaGraph === true,
  ),
  switchOption<SglangOptions>(
    {
      name: 'disable-piecewise-cuda-graph',
      flags: ['--disable-piecewise-cuda-graph', '--disable-prefill-cuda-graph'],
      words: 'no CUDA graphs of prompt chunks',
    },
    { disablePrefillGraph: true },
    ({ disablePrefillGraph }) => disablePrefillGraph === true,
  ),
  nameOption<SglangOptions>(
    {
      name: 'attention-backend',
      flags: ['--attention-backend'],
      words: 'attention kernels: fa3, flashinfer, triton, aiter',
    },
    (attentionBackend) => ({ attentionBackend }),
    ({ attentionBackend }) => attentionBackend,
  ),
];

/** Roles of disaggregated serving. */
const roles = ['null', 'prefill', 'decode'] as const;

const splitOptions: readonly OptionSpec<SglangOptions>[] = [
  switchOption<SglangOptions>(
    {
      name: 'enable-dp-attention',
      flags: ['--enable-dp-attention'],
      words: '--dp counts groups of the --tp devices that copy the attention layers, not replicas',
    },
    { dpAttention: true },
    ({ dpAttention }) => dpAttention === true,
  ),
  countOption<SglangOptions>(
    {
      name: 'ep-size',
      flags: ['--ep-size', '--expert-parallel-size'],
      words: 'devices that share the experts whole',
    },
    (expertParallelSize) => ({ expertParallelSize }),
    ({ expertParallelSize }) => expertParallelSize,
  ),
  nameOption<SglangOptions>(
    {
      name: 'moe-a2a-backend',
      flags: ['--moe-a2a-backend'],
      words: 'how experts exchange tokens: none, deepep',
    },
    (moeA2aBackend) => ({ moeA2aBackend }),
    ({ moeA2aBackend }) => moeA2aBackend,
  ),
  countOption<SglangOptions>(
    {
      name: 'ep-num-redundant-experts',
      flags: ['--ep-num-redundant-experts'],
      words: 'copies of busy experts over all devices',
      least: 0,
    },
    (redundantExperts) => ({ redundantExperts }),
    ({ redundantExperts }) => redundantExperts,
  ),
  countOption<SglangOptions>(
    {
      name: 'moe-dense-tp-size',
      flags: ['--moe-dense-tp-size'],
      words: 'devices that share the dense layers of a mixture: 1 copies them',
    },
    (denseTensorSize) => ({ denseTensorSize }),
    ({ denseTensorSize }) => denseTensorSize,
  ),
  switchOption<SglangOptions>(
    {
      name: 'enable-dp-lm-head',
      flags: ['--enable-dp-lm-head'],
      words: 'the head is cut over the devices of an attention group alone',
    },
    { dpHead: true },
    ({ dpHead }) => dpHead === true,
  ),
  choiceOption<SglangOptions>(
    {
      name: 'disaggregation-mode',
      flags: ['--disaggregation-mode'],
      words: 'role in disaggregated serving',
      choices: roles,
    },
    (disaggregationMode) => ({ disaggregationMode }),
    ({ disaggregationMode }) => disaggregationMode,
  ),
  switchOption<SglangOptions>(
    { name: 'language-only', flags: ['--language-only', '--language-model-only'], words: 'no vision tower' },
    { languageOnly: true },
    ({ languageOnly }) => languageOnly === true,
  ),
];

const draftOptions: readonly OptionSpec<SglangOptions>[] = [
  {
    name: 'speculative-algorithm',
    flags: ['--speculative-algorithm'],
    value: '<name>',
    words: `what proposes tokens: ${algorithms.join(', ')}`,
    limit: algorithms.join(', '),
    field: null,
    read: (text) => {
      const name = text.trim().toUpperCase();
      return algorithms.includes(name) ? { speculativeAlgorithm: name } : null;
    },
    write: ({ speculativeAlgorithm }) => textOf(speculativeAlgorithm),
  },
  countOption<SglangOptions>(
    {
      name: 'speculative-num-steps',
      flags: ['--speculative-num-steps'],
      words: 'steps of the draft for one step of the model',
    },
    (speculativeSteps) => ({ speculativeSteps }),
    ({ speculativeSteps }) => speculativeSteps,
  ),
  countOption<SglangOptions>(
    {
      name: 'speculative-eagle-topk',
      flags: ['--speculative-eagle-topk'],
      words: 'branches that a draft step proposes',
    },
    (speculativeTopk) => ({ speculativeTopk }),
    ({ speculativeTopk }) => speculativeTopk,
  ),
  countOption<SglangOptions>(
    {
      name: 'speculative-num-draft-tokens',
      flags: ['--speculative-num-draft-tokens'],
      words: 'tokens that one step verifies',
    },
    (speculativeDraftTokens) => ({ speculativeDraftTokens }),
    ({ speculativeDraftTokens }) => speculativeDraftTokens,
  ),
  {
    name: 'draft',
    flags: ['--speculative-draft-model-path', '--speculative-draft-model'],
    value: '<model>',
    words: 'the draft checkpoint',
    limit: 'a model',
    field: null,
    read: null,
    write: ({ draft }) => (draft === undefined ? null : (draft.reference ?? draft.spec.id)),
  },
];

export const sglangOptions: readonly OptionSpec<SglangOptions>[] = [
  ...poolOptions,
  ...stepOptions,
  ...splitOptions,
  ...stateOptions,
  ...draftOptions,
];
