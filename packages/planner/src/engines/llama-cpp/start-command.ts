/** The command line that starts llama-server as planned. */
import type { KvFormat } from '../../bytes/kv-format.ts';
import { modelArgument, type Question, shellArgument } from '../../question/question.ts';
import { sharedFlag } from '../contract/engine-face.ts';
import { optionWords } from '../contract/option-spec.ts';
import type { EngineMemory } from './engine-memory.ts';
import type { LlamaCppInput } from './engine-options.ts';
import { llamaCppFace } from './face.ts';
import { machineOf } from './machine.ts';
import { type LlamaCppOptions, llamaCppOptions, llamaCppSwitchOptions } from './options.ts';
import { placesLayers } from './own-fit.ts';
import { automaticSlots, firstPart, hostExpertLayers, mixtureOf } from './request.ts';

export function llamaCppCommand(
  request: Question<LlamaCppOptions>,
  start: LlamaCppInput,
  memory: EngineMemory,
): string {
  const { spec, options = {}, workload } = request;
  const model =
    spec.source === 'gguf'
      ? `-m ${firstPart(modelArgument(request))}`
      : `-m ${spec.id.split('/').at(-1)}-${mixtureOf(request)}.gguf`;
  const flag = (name: 'context' | 'users', count: number): string =>
    `${sharedFlag(llamaCppFace, name)} ${count}`;
  const parts = ['llama-server', model, flag('context', workload.contextTokens * workload.users)];
  const { keyType, valueType, rules } = memory.options;
  const isAutomatic = request.usersAreDefault === true && workload.users <= automaticSlots;
  // Without this flag newer builds take four slots.
  if ((workload.users > 1 || rules.automaticSlots) && !isAutomatic) parts.push(flag('users', workload.users));
  const machine = machineOf(request);
  const formatOf = (type: string, own: KvFormat | undefined): KvFormat | undefined =>
    type === 'f16' ? undefined : (own ?? request.kvFormat);
  const chosen: LlamaCppOptions = {
    ...options,
    gpuLayers: machine.backend === 'cpu' ? undefined : layersArgument(request, start),
    keyFormat: formatOf(keyType, options.keyFormat),
    valueFormat: formatOf(valueType, options.valueFormat),
    cpuExpertLayers: hostExpertLayers(request),
  };
  const specs = rules.automaticFlashAttention ? llamaCppOptions : llamaCppSwitchOptions;
  return [...parts, ...optionWords(specs, chosen).map(shellArgument)].join(' ');
}

/** Layers that the engine's own fit divides in parts have no other spelling than `auto`. */
function layersArgument(request: Question<LlamaCppOptions>, start: LlamaCppInput): number | 'auto' {
  const { gpuLayers = 'all', overrides = [], devices = 1 } = start;
  const isDivided = overrides.length > 0 || (devices > 1 && gpuLayers !== 'all');
  if (placesLayers(request) && isDivided) return 'auto';
  // No model has this many layers.
  return gpuLayers === 'all' ? 999 : gpuLayers;
}
