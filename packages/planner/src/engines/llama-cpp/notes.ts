/** What a person should know about a plan for llama.cpp: assumptions, limits, versions. */
import { formatCount, formatTokens } from '@plimsoll/foundation';
import type { ModelSpec } from '@plimsoll/model-files/spec';
import { sizeNote } from '../../gguf-recipes/dynamic-mixtures.ts';
import type { Question } from '../../question/question.ts';
import { draftMixture } from './companions.ts';
import type { LlamaCppInput } from './engine-options.ts';
import { buildOfVersion, newestBuild, newestRelease } from './engine-rules.ts';
import type { LlamaCppOptions } from './options.ts';
import { placesLayers } from './own-fit.ts';
import { projectorOf } from './projector.ts';

interface NoteFacts {
  readonly start: Pick<LlamaCppInput, 'gpuLayers' | 'overrides'>;
  readonly spec: ModelSpec;
  readonly mixture: string | null;
}

export function llamaCppNotes(
  request: Question<LlamaCppOptions>,
  { start, spec, mixture }: NoteFacts,
): readonly string[] {
  const notes: string[] = [];
  if (request.spec.source !== 'gguf' && request.weights === undefined) {
    notes.push(`a ${mixture} file is assumed; name another with --weights Q8_0, or plan the .gguf itself`);
  }
  const size = mixture === null ? null : sizeNote(mixture);
  if (size !== null) notes.push(size);
  notes.push(...layerNotes(request, start, spec.layers.length + 1));
  return [
    ...notes,
    ...imageNotes(request),
    ...draftNotes(request),
    ...versionNotes(request),
    ...contextNotes(request),
  ];
}

function layerNotes(
  request: Question<LlamaCppOptions>,
  { gpuLayers = 'all', overrides = [] }: NoteFacts['start'],
  layers: number,
): readonly string[] {
  const isFitted = placesLayers(request);
  const notes: string[] = [];
  if (typeof gpuLayers === 'number' && gpuLayers < layers) {
    const hint = isFitted ? '' : "; -ngl auto leaves 1 GiB free as llama.cpp's own fitting does";
    notes.push(`${gpuLayers} of ${layers} layers on the device, the rest in host memory${hint}`);
  }
  if (isFitted && overrides.length > 0) {
    notes.push(
      `--fit keeps the experts of ${overrides.length} of ${layers - 1} layers in host memory, or parts of them`,
    );
  }
  return notes;
}

function imageNotes({ spec, options }: Question<LlamaCppOptions>): readonly string[] {
  if (options?.projector === undefined) return [];
  const projector = projectorOf(spec, options);
  if (projector === null)
    return ['the model has no vision tower that the planner knows: --mmproj is planned without it'];
  const largest = spec.vision?.imageTokensMax ?? 0;
  if (largest <= projector.imageTokens) return [];
  return [
    `the buffer of images is that of the warm-up, an image of ${formatCount(projector.imageTokens)} tokens; an image of ${formatCount(largest)} tokens takes ${(largest / projector.imageTokens).toFixed(1)} times as much`,
  ];
}

function draftNotes({ options, spec }: Question<LlamaCppOptions>): readonly string[] {
  const { draft, speculation } = options ?? {};
  const mixture = draft === undefined ? null : draftMixture(draft);
  if (mixture !== null)
    return [`a ${mixture} file of the draft model is assumed; plan the .gguf itself for its own types`];
  const isPredicted = speculation?.includes('draft-mtp') === true && draft === undefined;
  if (!isPredicted || spec.predictionLayers.length > 0) return [];
  return [
    'the model has no prediction layers that the planner knows: draft-mtp is planned without their context',
  ];
}

function versionNotes({ engineVersion }: Question): readonly string[] {
  if (engineVersion === undefined || (buildOfVersion(engineVersion) ?? 0) <= newestBuild) return [];
  return [
    `${engineVersion} is newer than the rules of this planner, which end at ${newestRelease}: it is planned as ${newestRelease}`,
  ];
}

/** The training length times the factor by which positions are stretched. */
export function contextLimit({ spec, options }: Question<LlamaCppOptions>): number {
  if (options?.ropeScaling === 'none') return spec.contextLength;
  const factor = options?.ropeScale ?? 1 / (options?.ropeFrequencyScale ?? 1);
  return Math.round(spec.contextLength * Math.max(1, factor));
}

/** llama.cpp warns of a context past the training length ("possible training context overflow") and starts. */
function contextNotes(request: Question<LlamaCppOptions>): readonly string[] {
  const { spec, workload, options } = request;
  const trained = spec.contextLength;
  if (workload.contextTokens <= trained) return [];
  const past = `a context of ${formatTokens(workload.contextTokens)} is past the ${formatTokens(trained)} that the model was trained for`;
  const limit = contextLimit(request);
  if (workload.contextTokens <= limit || options?.ropeFrequencyBase !== undefined) {
    return [`${past}; the override of the rotary positions stretches it, at some loss of quality`];
  }
  const factor = Math.ceil(workload.contextTokens / trained);
  return [
    `${past}: llama.cpp warns and starts, answers get worse past that length; --rope-scaling yarn --rope-scale ${formatCount(factor)} stretches the positions`,
  ];
}
