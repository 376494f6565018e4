/**
 * The vision tower and its projector (`--mmproj`): weights, and the compute buffer of the image with which llama-server
 * warms up (tools/mtmd/clip.cpp, warmup and build_vit). Both lie on the first device, or in host memory.
 */
import { bytes, formatCount } from '@plimsoll/foundation';
import { elementCount, type ModelSpec, type TensorSpec } from '@plimsoll/model-files/spec';
import type { LedgerEntry } from '../../bytes/ledger.ts';
import type { LlamaCppOptions } from './options.ts';

type VisionSpec = NonNullable<ModelSpec['vision']>;

export interface Projector {
  /** Bytes per element of its matrices. */
  readonly elementBytes: number;
  readonly weightBytes: number;
  readonly computeBytes: number;
  /** Tokens of the image of the warm-up. */
  readonly imageTokens: number;
  readonly patches: number;
  readonly onDevice: boolean;
}

/** Tokens of the warm-up image by family, where it is smaller than the largest image (clip.cpp, set_warmup_n_tokens). */
const warmupTokens: readonly (readonly [RegExp, number])[] = [
  [/^(qwen|mimo|dots)/, 46 * 46],
  [/^(mistral3|pixtral|kimi|gemma4|lightonocr)/, 16 * 16],
];

/** Null without `--mmproj`, and for a model without a vision tower. */
export function projectorOf({ vision, family }: ModelSpec, options: LlamaCppOptions = {}): Projector | null {
  const { projector } = options;
  if (projector === undefined || vision === null) return null;
  const elementBytes = bytesIn(projector);
  const largest = vision.imageTokensMax ?? 16 * 16;
  const fixed = warmupTokens.find(([families]) => families.test(family))?.[1];
  const imageTokens = fixed === undefined ? (options.imageTokensMax ?? largest) : Math.min(fixed, largest);
  const pixels = imageTokens * vision.pixelsPerToken;
  const patches = Math.ceil(pixels / patchSize(vision) ** 2);
  return {
    elementBytes,
    weightBytes: vision.tensors.reduce((sum, tensor) => sum + tensorBytes(tensor, elementBytes), 0),
    computeBytes: patches * 4 * rowElements(vision) + pixels * 12 + patches * 16,
    imageTokens,
    patches,
    onDevice: options.offloadsProjector !== false,
  };
}

/** Norms, biases, patch and position embeddings have 32 bits (conversion of mmproj files, tensor_force_quant). */
function tensorBytes(tensor: TensorSpec, elementBytes: number): number {
  const isTable = /patch_(embed|conv)|pos(ition|_embed|itional)/.test(tensor.name);
  return elementCount(tensor) * (tensor.shape.length < 2 || isTable ? 4 : elementBytes);
}

/** Live rows of a feed-forward block: the residual, its normed copy, and the inner activations. */
function rowElements({ hiddenSize, tensors }: VisionSpec): number {
  const inner = tensors.filter(({ name }) => /mlp\.(up|gate)_proj\.weight$/.test(name));
  const width = Math.max(0, ...inner.map(({ shape }) => shape[0] ?? 0));
  const isGated = inner.some(({ name }) => /gate_proj/.test(name));
  return 2 * hiddenSize + (isGated ? 2 : 1) * width;
}

/** Pixels along a side of a patch, from the shape of the first matrix: [hidden, 3, (2,) p, p] or [hidden, 3 p p]. */
function patchSize({ tensors }: VisionSpec): number {
  const embedding = tensors.find(({ name }) => /patch/.test(name) && name.endsWith('.weight'));
  const shape = embedding?.shape ?? [];
  if (shape.length > 2) return shape.at(-1) ?? 14;
  return Math.round(Math.sqrt((shape.at(-1) ?? 588) / 3));
}

/** The name of a projector's file often states its type: mmproj-F32.gguf. */
function bytesIn(name: string): number {
  if (/f32/i.test(name)) return 4;
  return /q8_0/i.test(name) ? 34 / 32 : 2;
}

export function projectorEntries(projector: Projector | null): readonly LedgerEntry[] {
  if (projector === null) return [];
  const { onDevice, patches, imageTokens, elementBytes, weightBytes, computeBytes } = projector;
  const tier = onDevice ? 'device' : 'host';
  const source = 'llama.cpp tools/mtmd/clip.cpp';
  return [
    {
      category: 'weights',
      tag: 'vision tower and projector',
      tier,
      bytes: bytes(weightBytes),
      derivation: {
        formula: `sum over tensors of elements x ${elementBytes}, norms, patch and position embeddings x 4`,
        substituted: formatCount(weightBytes),
        source,
      },
    },
    {
      category: 'workspace',
      tag: 'compute buffer of images',
      tier,
      bytes: bytes(computeBytes),
      derivation: {
        formula: `patches x (2 x width + inner width) x 4 + pixels x 12 + patches x 16, for an image of ${formatCount(imageTokens)} tokens in ${formatCount(patches)} patches`,
        substituted: formatCount(computeBytes),
        source,
      },
    },
  ];
}
