/**
 * The image part of the profiling run (vllm/multimodal/encoder_budget.py; embed_multimodal of the models). The tower sees as
 * many images of the largest size as its budget takes; their features and pixels stay while the language model runs.
 */
import type { ModelSpec } from '@plimsoll/model-files/spec';
import type { VllmSettings } from './defaults.ts';
import type { VllmRelease } from './release.ts';

type VisionSpec = NonNullable<ModelSpec['vision']>;

export interface Term {
  readonly name: string;
  readonly text: string;
  readonly bytes: number;
}

export interface VisionProfile {
  /** Tensors of the tower at its peak, with the pixels. */
  readonly peak: readonly Term[];
  /** Tensors that stay while the language model runs. */
  readonly kept: readonly Term[];
}

interface VisionInput {
  readonly spec: ModelSpec;
  readonly settings: VllmSettings;
  readonly release: VllmRelease;
  readonly elementBytes: number;
  /** Devices that share the tower. */
  readonly tensor: number;
  /** True if each device runs the whole tower on a part of the images (vllm/model_executor/models/vision.py, run_dp_sharded_mrope_vision_model). */
  readonly sharesImages: boolean;
}

/**
 * Tensors of patches x width in the attention of a block: patches and their positions are whole on each device; queries,
 * keys and values, a copy of queries and keys, the rotated copy, and twice the output are cut over devices.
 */
const wholeWidths = 2;
const cutWidths = 9;

export function visionProfile(input: VisionInput): VisionProfile | null {
  const { spec, settings, release, elementBytes } = input;
  const { vision } = spec;
  const largest = vision?.imageTokensMax ?? null;
  if (vision === null || largest === null || release.engine === 'V0' || settings.skipsImages) return null;
  const stated = Math.floor((settings.imagePixelsMax ?? Number.POSITIVE_INFINITY) / vision.pixelsPerToken);
  const tokens = Math.max(1, Math.min(largest, stated));
  const items = imageCount(tokens, settings);
  const pixels = items * 3 * tokens * vision.pixelsPerToken * elementBytes * framesOf(vision);
  const width = spec.hiddenSize * featureLayers(vision);
  const features = items * tokens * width * elementBytes;
  const pixelTerm: Term = {
    name: 'pixels of the images',
    text: `${items} x 3 x ${tokens} x ${vision.pixelsPerToken} x ${framesOf(vision)} x ${elementBytes}`,
    bytes: pixels,
  };
  const featureTerm: Term = {
    name: 'features of the images',
    text: `${items} x ${tokens} x ${width} x ${elementBytes}`,
    bytes: features,
  };
  const ownItems = input.sharesImages ? Math.ceil(items / input.tensor) : items;
  return {
    peak: [...towerTerms(vision, ownItems * tokens, input), pixelTerm],
    kept: [featureTerm, pixelTerm],
  };
}

/** As many as the token budget holds, at least one, at most what the sequences may bring. */
function imageCount(tokens: number, settings: VllmSettings): number {
  const fromBudget = Math.floor(Math.max(settings.batchedTokens, tokens) / tokens);
  const perPrompt = Math.max(1, Math.min(settings.imagesMax, Math.floor(settings.maxModelLen / tokens)));
  return Math.max(1, Math.min(fromBudget, settings.sequences * perPrompt));
}

function towerTerms(
  vision: VisionSpec,
  tokens: number,
  { elementBytes, tensor, sharesImages }: VisionInput,
): readonly Term[] {
  const ways = sharesImages ? 1 : tensor;
  const patchPixels = patchSize(vision);
  if (patchPixels === null) return [];
  const patches = tokens * Math.max(1, Math.round(vision.pixelsPerToken / patchPixels));
  const attention = wholeWidths * vision.hiddenSize + (cutWidths * vision.hiddenSize) / ways;
  const inner = innerWidth(vision);
  const feedForward = wholeWidths * vision.hiddenSize + inner / ways;
  const width = Math.ceil(Math.max(attention, feedForward));
  return [
    {
      name: 'patches x live widths of the vision tower',
      text: `${patches} x ${width} x ${elementBytes}`,
      bytes: patches * width * elementBytes,
    },
  ];
}

/** Pixels of one patch, from the convolution that reads them: [width, 3, (frames,) side, side]. */
function patchSize({ tensors }: VisionSpec): number | null {
  const shape = tensors.find(({ name }) => /patch_embed/.test(name) && name.endsWith('weight'))?.shape;
  const side = shape?.at(-1);
  if (shape === undefined || side === undefined || shape.length < 4) return null;
  return side * side;
}

/** Frames that one patch spans: an image is repeated for them. */
function framesOf({ tensors }: VisionSpec): number {
  const shape = tensors.find(({ name }) => /patch_embed/.test(name) && name.endsWith('weight'))?.shape;
  return shape?.length === 5 ? (shape.at(2) ?? 1) : 1;
}

/** The inner tensors of the feed-forward that live at once: two of a plain one, three of a gated one. */
function innerWidth({ tensors, hiddenSize }: VisionSpec): number {
  const wide = tensors.filter(
    ({ role, shape, name }) =>
      role === 'vision' && shape.length === 2 && shape[1] === hiddenSize && /mlp|fc1|feed/.test(name),
  );
  const most = wide.reduce((widest, { shape }) => Math.max(widest, shape[0] ?? 0), 0);
  return most * (tensors.some(({ name }) => name.includes('mlp.gate_proj')) ? 3 : 2);
}

/** Qwen3-VL hands the features of inner layers on too, side by side with the last layer's. */
function featureLayers({ tensors }: VisionSpec): number {
  const inner = new Set(tensors.flatMap(({ name }) => /deepstack_merger_list\.(\d+)/.exec(name)?.[1] ?? []));
  return 1 + inner.size;
}
