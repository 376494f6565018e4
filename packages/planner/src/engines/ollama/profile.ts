/** The profile `ollama`: llama.cpp with the defaults of Ollama's server. */
import { formatCount, GiB, MiB } from '@plimsoll/foundation';
import { modelArgument, type Question } from '../../question/question.ts';
import { ggmlName } from '../llama-cpp/cache-types.ts';
import type { LlamaCppOptions } from '../llama-cpp/options.ts';
import { llamaCppProgram } from '../llama-cpp/program-profile.ts';
import { projectorOf } from '../llama-cpp/projector.ts';
import { mixtureOf } from '../llama-cpp/request.ts';
import { ollamaFace } from './face.ts';
import type { OllamaOptions } from './options.ts';
import { ollamaRelease } from './release.ts';
import {
  automaticBatch,
  defaultContext,
  devicesOf,
  hasFlashAttention,
  isOnCpu,
  mapsFile,
  singleDevice,
} from './server-defaults.ts';

type Asked = Question<OllamaOptions>;

export const ollama = llamaCppProgram<OllamaOptions, 'ollama'>({
  face: ollamaFace,
  asked: asLlamaCpp,
  command,
  version: ({ engineVersion }) => ollamaRelease(engineVersion).version,
  notes,
  ownWorkload: (question) => ({ ...question.workload, contextTokens: defaultContext(question) }),
  changeFlags: {
    cache: 'OLLAMA_KV_CACHE_TYPE=q8_0 OLLAMA_FLASH_ATTENTION=1',
    context: (_, tokens) => `OLLAMA_CONTEXT_LENGTH=${tokens}`,
  },
  flagsForUsers: (_, users) => ` OLLAMA_NUM_PARALLEL=${users}`,
  limits: ({ spec }) =>
    singleSlotFamilies.test(spec.family)
      ? { sequencesMax: 1, sequencesLimit: "Ollama's single slot for this family" }
      : {},
});

/** Families for which the server ignores OLLAMA_NUM_PARALLEL (server/sched.go, load). */
const singleSlotFamilies = /^(mllama|qwen3_vl|qwen3_5|qwen3_next|lfm2|nemotron_h)/;

/** The options that Ollama's server passes to llama-server (llm/llama_server.go, startLlamaServer). */
function asLlamaCpp(question: Asked): Question<LlamaCppOptions> {
  const { options = {}, engineVersion, openContext: _, ...rest } = question;
  const { numBatch, gpuOverheadBytes: _overhead, spreads: _spreads, ...own } = options;
  const flashAttention = own.flashAttention ?? (hasFlashAttention(question) ? undefined : false);
  const batch = numBatch ?? automaticBatch(question, flashAttention !== false);
  const chosen = singleDevice(question);
  const build = ollamaRelease(engineVersion).llamaCppBuild;
  return {
    ...rest,
    ...(build !== null && { engineVersion: `b${build}` }),
    usersAreDefault: false,
    options: {
      ...own,
      gpuLayers: isOnCpu(question) ? 0 : (own.gpuLayers ?? 'auto'),
      flashAttention,
      batchTokens: batch,
      physicalBatchTokens: batch,
      ...(own.mapsFile !== false && !mapsFile(question) && { mapsFile: false }),
      ...projectorOptions(question),
      ...(chosen !== null && { splitMode: 'none', deviceNames: [`GPU${chosen}`] }),
    },
  };
}

/** A model with a vision tower has its projector in the library; the fit leaves it and a GiB more free. */
function projectorOptions({ spec, options = {} }: Asked): Partial<LlamaCppOptions> {
  const projector = projectorOf(spec, { projector: libraryProjector });
  if (projector === null) return {};
  const marginMib = Math.ceil((projector.weightBytes + GiB) / MiB);
  return { projector: libraryProjector, fitMarginMib: options.fitMarginMib ?? [marginMib] };
}

const libraryProjector = 'F16';

/** The server with its variables, and the command that loads the model. */
function command(question: Asked): string {
  const { workload, kvFormat, options = {}, openContext } = question;
  const variables: readonly (readonly [string, string | number | undefined])[] = [
    ['OLLAMA_CONTEXT_LENGTH', openContext === undefined ? workload.contextTokens : undefined],
    ['OLLAMA_NUM_PARALLEL', workload.users > 1 ? workload.users : undefined],
    ['OLLAMA_KV_CACHE_TYPE', kvFormat === undefined ? undefined : ggmlName(kvFormat)],
    [
      'OLLAMA_FLASH_ATTENTION',
      options.flashAttention === undefined ? undefined : options.flashAttention ? 1 : 0,
    ],
    ['OLLAMA_GPU_OVERHEAD', options.gpuOverheadBytes],
    ['OLLAMA_SCHED_SPREAD', options.spreads === true ? 1 : undefined],
    ['LLAMA_ARG_FIT', options.fit === undefined ? undefined : options.fit ? 'on' : 'off'],
    ['LLAMA_ARG_FIT_TARGET', options.fitMarginMib?.join(',')],
  ];
  const set = variables.flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${value}`]));
  const words = [...set, 'ollama serve & ollama run', modelWord(question)];
  return words.join(' ');
}

/** A file as it is, or the name under which a user would create the model from a file in this mixture. */
function modelWord(question: Asked): string {
  const { spec } = question;
  if (spec.source === 'gguf') return modelArgument(question);
  return `${spec.id.split('/').at(-1)}:${mixtureOf(question)}`;
}

function notes(question: Asked): readonly string[] {
  const { llamaCppBuild, version } = ollamaRelease(question.engineVersion);
  const chosen = singleDevice(question);
  const parameters = [
    ...(question.options?.numBatch === undefined ? [] : [`num_batch ${question.options.numBatch}`]),
    ...(typeof question.options?.gpuLayers === 'number' ? [`num_gpu ${question.options.gpuLayers}`] : []),
    ...(question.options?.mapsFile === false ? ['use_mmap false'] : []),
  ];
  return [
    ...(llamaCppBuild === null
      ? [
          `Ollama ${version} has a runner of its own: it is planned by the rules of llama.cpp, which later releases start`,
        ]
      : []),
    ...(chosen === null
      ? []
      : [
          `Ollama puts a model that fits on one device there: 1 of ${formatCount(devicesOf(question).length)}`,
        ]),
    ...parameters.map((parameter) => `a Modelfile sets PARAMETER ${parameter}, which no variable does`),
  ];
}
