/** The profile `lmstudio`: llama.cpp with the load defaults of LM Studio. Its engine for MLX models has no profile. */
import facts from '@plimsoll/registry/engines/lmstudio.json' with { type: 'json' };
import { modelArgument, type Question } from '../../question/question.ts';
import { sharedFlag } from '../contract/engine-face.ts';
import type { LlamaCppOptions } from '../llama-cpp/options.ts';
import { llamaCppProgram } from '../llama-cpp/program-profile.ts';
import { mixtureOf } from '../llama-cpp/request.ts';
import { lmStudioFace } from './face.ts';
import type { LmStudioOptions } from './options.ts';

type Asked = Question<LmStudioOptions>;

const flag = (name: 'context' | 'users', count: number): string =>
  `${sharedFlag(lmStudioFace, name)} ${count}`;

export const lmStudio = llamaCppProgram<LmStudioOptions, 'lmstudio'>({
  face: lmStudioFace,
  asked: asLlamaCpp,
  command,
  version: () => null,
  notes,
  ownWorkload: ({ workload, spec }) => ({
    ...workload,
    contextTokens: Math.floor(Math.min(facts.contextTokens, spec.contextLength) / workload.users),
  }),
  changeFlags: {
    cache: 'with K and V cache quantization q8_0 in the load settings',
    context: ({ workload }, tokens) => flag('context', tokens * workload.users),
  },
  flagsForUsers: ({ workload }, users) =>
    ` ${flag('users', users)} ${flag('context', workload.contextTokens * users)}`,
});

function asLlamaCpp(question: Asked): Question<LlamaCppOptions> {
  const { options = {}, engineVersion: _version, openContext: _context, ...rest } = question;
  const { offloadShare, evalBatch = facts.evalBatchTokens, ...own } = options;
  return {
    ...rest,
    options: {
      unifiedCache: true,
      ...own,
      gpuLayers: layersOf(question, offloadShare),
      batchTokens: evalBatch,
      physicalBatchTokens: evalBatch,
    },
  };
}

/** Layers on devices: the share of all layers, or as many as fit. */
function layersOf({ spec }: Asked, share: number | undefined): LlamaCppOptions['gpuLayers'] {
  if (share === undefined) return 'auto';
  return share === 1 ? 'all' : Math.floor(share * spec.layers.length);
}

function command(question: Asked): string {
  const { spec, workload, options = {}, usersAreDefault, openContext } = question;
  const model =
    spec.source === 'gguf' ? modelArgument(question) : `${spec.id.split('/').at(-1)}-${mixtureOf(question)}`;
  const { offloadShare } = options;
  const share = offloadShare === 0 ? 'off' : offloadShare === 1 ? 'max' : offloadShare;
  return [
    'lms load',
    model,
    ...(openContext === undefined ? [flag('context', workload.contextTokens * workload.users)] : []),
    ...(share === undefined ? [] : [`--gpu ${share}`]),
    ...(usersAreDefault === true ? [] : [flag('users', workload.users)]),
  ].join(' ');
}

/** Settings that the command line lacks. */
function notes({ options = {}, kvFormat }: Asked): readonly string[] {
  const { keyFormat = kvFormat, valueFormat = kvFormat } = options;
  const settings = [
    ...(options.flashAttention === undefined
      ? []
      : [`flash attention ${options.flashAttention ? 'on' : 'off'}`]),
    ...(keyFormat === undefined ? [] : [`K cache quantization ${keyFormat}`]),
    ...(valueFormat === undefined ? [] : [`V cache quantization ${valueFormat}`]),
    ...(options.mapsFile === false ? ['no memory mapping'] : []),
    ...(options.offloadsCache === false ? ['the KV cache in host memory'] : []),
    ...(options.evalBatch === undefined ? [] : [`an evaluation batch of ${options.evalBatch}`]),
    ...(options.unifiedCache === false ? ['no unified KV cache'] : []),
    ...(options.cpuExpertLayers === undefined ? [] : ['experts in host memory']),
  ];
  if (settings.length === 0) return [];
  return [
    `the load settings of LM Studio have no flag for ${settings.join(', ')}: set it in the load dialog`,
  ];
}
