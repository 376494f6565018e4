/**
 * The image part of the profiling run (vllm/multimodal/encoder_budget.py; embed_multimodal of the models). The tower sees as
 * many images of the largest size as its budget takes; their features and pixels stay while the language model runs.
 */
import type { ModelSpec } from '@plimsoll/model-files/spec';
import { createMemo, remember } from '../../bytes/memo.ts';
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
  /** Tokens of the profiled prompts, if they exceed the token budget. */
  readonly promptTokens?: number;
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

/**
 * The same under V0, whose rotation of patches works in 32 bits (qwen2_5_vl.py of 0.9, apply_rotary_pos_emb_vision): queries,
 * keys and values, a contiguous copy of each, rotated queries, and the keys and their rotation at twice the width.
 */
const rotatedWidths = 11;

export function visionProfile(input: VisionInput): VisionProfile | null {
  const { spec, settings, release, elementBytes } = input;
  const { vision } = spec;
  const largest = vision?.imageTokensMax ?? null;
  if (vision === null || largest === null || settings.skipsImages) return null;
  const stated = Math.floor((settings.imagePixelsMax ?? Number.POSITIVE_INFINITY) / vision.pixelsPerToken);
  const tokens = Math.max(1, Math.min(largest, stated));
  if (release.engine === 'V0') return promptProfile(vision, tokens, input);
  const items = imageCount(tokens, settings);
  const pixels = items * 3 * tokens * vision.pixelsPerToken * elementBytes * towerShape(vision).frames;
  const width = spec.hiddenSize * towerShape(vision).featureLayers;
  const features = items * tokens * width * elementBytes;
  const pixelTerm: Term = {
    name: 'pixels of the images',
    text: `${items} x 3 x ${tokens} x ${vision.pixelsPerToken} x ${towerShape(vision).frames} x ${elementBytes}`,
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

/**
 * V0 profiles whole prompts with all images that a prompt may have, and a video where the model reads videos (worker/model_runner.py, profile_run).
 * Prompts are not cut to the token budget. Pixels arrive in 32 bits; the images and the videos each pass the tower at once.
 */
function promptProfile(vision: VisionSpec, tokens: number, input: VisionInput): VisionProfile | null {
  const { spec, settings, release, elementBytes } = input;
  const images = settings.imagesMax * tokens;
  const videos = towerShape(vision).frames > 1 ? (settings.videosMax ?? 1) : 0;
  const fitting = Math.floor((settings.batchedTokens - images) / tokens / Math.max(1, videos));
  const video = videos * Math.max(1, Math.min(fitting, framePairsMax)) * tokens;
  // Until 0.8, V0 profiles text alone where the budget is too short for the images.
  if (release.number < 8 && settings.batchedTokens < images + video) return null;
  const prompts = Math.floor(settings.batchedTokens / (images + video));
  const sequences = Math.max(1, Math.min(prompts, settings.sequences));
  const [passed, all] = [sequences * Math.max(images, video), sequences * (images + video)];
  const perToken = 3 * vision.pixelsPerToken * towerShape(vision).frames;
  const pixels: Term = {
    name: 'pixels of images and videos in 32 bits',
    text: `${all} x ${perToken} x 4`,
    bytes: all * perToken * 4,
  };
  const converted: Term = {
    name: 'pixels in the type of the tower',
    text: `${passed} x ${perToken} x ${elementBytes}`,
    bytes: passed * perToken * elementBytes,
  };
  const features: Term = {
    name: 'features of images and videos',
    text: `${all} x ${spec.hiddenSize} x ${elementBytes}`,
    bytes: all * spec.hiddenSize * elementBytes,
  };
  return {
    peak: [...towerTerms(vision, passed, input), pixels, converted],
    kept: [features, pixels],
    promptTokens: Math.max(settings.batchedTokens, all),
  };
}

/** V0 profiles videos of at most 16 frames; a token covers a pair (qwen2_vl.py, _MAX_FRAMES_PER_VIDEO). */
const framePairsMax = 8;

/** As many as the token budget holds, at least one, at most what the sequences may bring. */
function imageCount(tokens: number, settings: VllmSettings): number {
  const fromBudget = Math.floor(Math.max(settings.batchedTokens, tokens) / tokens);
  const perPrompt = Math.max(1, Math.min(settings.imagesMax, Math.floor(settings.maxModelLen / tokens)));
  return Math.max(1, Math.min(fromBudget, settings.sequences * perPrompt));
}

function towerTerms(
  vision: VisionSpec,
  tokens: number,
  { elementBytes, tensor, sharesImages, release }: VisionInput,
): readonly Term[] {
  const ways = sharesImages ? 1 : tensor;
  const patchPixels = towerShape(vision).patchPixels;
  if (patchPixels === null) return [];
  const patches = tokens * Math.max(1, Math.round(vision.pixelsPerToken / patchPixels));
  const rotates = release.engine === 'V0' && towerShape(vision).frames > 1;
  const widths = rotates ? rotatedWidths : cutWidths;
  const attention = wholeWidths * vision.hiddenSize + (widths * vision.hiddenSize) / ways;
  const { inner } = towerShape(vision);
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

/** Facts of a tower that its tensors state. */
interface TowerShape {
  /** Pixels of one patch; null if no convolution reads patches. */
  readonly patchPixels: number | null;
  /** Frames that one patch spans: an image is repeated for them. */
  readonly frames: number;
  /** Width of the inner tensors of the feed-forward that live at once. */
  readonly inner: number;
  /** Qwen3-VL hands the features of inner layers on too, side by side with the last layer's. */
  readonly featureLayers: number;
}

function towerShape(vision: VisionSpec): TowerShape {
  return remember(shapeMemo, vision, 'shape', () => {
    const inner = new Set(
      vision.tensors.flatMap(({ name }) => /deepstack_merger_list\.(\d+)/.exec(name)?.[1] ?? []),
    );
    return { ...patchShape(vision), inner: innerWidth(vision), featureLayers: 1 + inner.size };
  });
}

const shapeMemo = createMemo<TowerShape>();

/** From the convolution that reads patches: [width, 3, (frames,) side, side]. */
function patchShape({ tensors }: VisionSpec): Pick<TowerShape, 'patchPixels' | 'frames'> {
  const shape = tensors.find(({ name }) => /patch_embed/.test(name) && name.endsWith('weight'))?.shape ?? [];
  const side = shape.at(-1);
  return {
    patchPixels: side === undefined || shape.length < 4 ? null : side * side,
    frames: shape.length === 5 ? (shape[2] ?? 1) : 1,
  };
}

/** Two inner tensors of a plain feed-forward live at once, three of a gated one. */
function innerWidth({ tensors, hiddenSize }: VisionSpec): number {
  const wide = tensors.filter(
    ({ role, shape, name }) =>
      role === 'vision' && shape.length === 2 && shape[1] === hiddenSize && /mlp|fc1|feed/.test(name),
  );
  const most = wide.reduce((widest, { shape }) => Math.max(widest, shape[0] ?? 0), 0);
  return most * (tensors.some(({ name }) => name.includes('mlp.gate_proj')) ? 3 : 2);
}
