/**
 * The split of a model replica over devices, and the share of each tensor that a device holds.
 *
 * - tensor: every layer is cut over `tensor` devices (Megatron-LM: column, then row).
 * - pipeline: the layers are divided into `pipeline` stages; the first has the embeddings, the last has the head.
 * - data: attention is replicated over `data` groups that split the users (DP attention); experts are not replicated
 *   but spread over all `tensor x data` devices.
 * - expertParallel: devices hold whole experts instead of a slice of each.
 */
import { PlimsollError } from '@plimsoll/foundation';
import {
  elementCount,
  type LayerSpec,
  type ModelSpec,
  type TensorRole,
  type TensorSpec,
} from '@plimsoll/model-files/spec';
import { createMemo, remember } from './memo.ts';

export interface Parallelism {
  readonly tensor: number;
  readonly pipeline: number;
  readonly data: number;
  readonly expertParallel: boolean;
  /** Layers of each pipeline stage; absent where the engine deals them out evenly. */
  readonly stageLayers?: readonly number[] | undefined;
  /** True if every device holds the whole vision tower, and devices share the images instead. */
  readonly wholeVision?: boolean | undefined;
}

export const singleDevice: Parallelism = { tensor: 1, pipeline: 1, data: 1, expertParallel: false };

export function deviceCount(parallelism: Parallelism): number {
  return parallelism.tensor * parallelism.pipeline * parallelism.data;
}

/** Returns a key of the split for memos. */
export function parallelismKey(parallelism: Parallelism): string {
  const { tensor, pipeline, data, expertParallel, stageLayers, wholeVision = false } = parallelism;
  return `${tensor},${pipeline},${data},${expertParallel},${stageLayers ?? ''},${wholeVision}`;
}

/** The axis along which a role is cut. `kv-heads` is cut down to one head per device, then replicated. */
type Cut = 'output' | 'input' | 'vocabulary' | 'kv-heads' | 'fused-qkv' | 'experts' | 'replicated';

const cuts: Readonly<Record<TensorRole, Cut>> = {
  'token-embedding': 'vocabulary',
  'position-embedding': 'replicated',
  'lm-head': 'vocabulary',
  norm: 'replicated',
  'attention-q': 'output',
  'attention-k': 'kv-heads',
  'attention-v': 'kv-heads',
  'attention-qkv': 'fused-qkv',
  'attention-output': 'input',
  'attention-sink': 'output',
  'mla-q-down': 'replicated',
  'mla-q-up': 'output',
  'mla-kv-down': 'replicated',
  'mla-kv-up': 'output',
  indexer: 'replicated',
  compressor: 'replicated',
  'linear-in': 'output',
  'linear-conv': 'output',
  'linear-state': 'output',
  'linear-output': 'input',
  'ssm-in': 'output',
  'ssm-conv': 'output',
  'ssm-state': 'output',
  'ssm-output': 'input',
  'mlp-gate': 'output',
  'mlp-up': 'output',
  'mlp-gate-up': 'output',
  'mlp-down': 'input',
  router: 'replicated',
  'expert-gate': 'experts',
  'expert-up': 'experts',
  'expert-gate-up': 'experts',
  'expert-down': 'experts',
  'shared-expert-gate': 'output',
  'shared-expert-up': 'output',
  'shared-expert-gate-up': 'output',
  'shared-expert-down': 'input',
  'layer-input': 'replicated',
  'draft-input': 'replicated',
  vision: 'output',
  projector: 'output',
  other: 'replicated',
};

/**
 * Throws a PlimsollError for a split that no engine would load, with the number that does not divide:
 * `bad-parallelism`, `tensor-parallel-heads`, `tensor-parallel-kv-heads` or `pipeline-layers`.
 */
export function checkParallelism(parallelism: Parallelism, spec: ModelSpec): void {
  const { tensor, pipeline, data } = parallelism;
  const layers = spec.layers.length;
  const queryHeads = remember(headMemo, spec, '', () => commonQueryHeads(spec));
  for (const [flag, value] of Object.entries({ tp: tensor, pp: pipeline, dp: data })) {
    if (Number.isInteger(value) && value >= 1 && value <= 4096) continue;
    throw new PlimsollError({
      code: 'bad-parallelism',
      message: `--${flag} ${value} is not a number of devices`,
      value,
      limit: 'a whole number from 1 to 4096',
    });
  }
  if (queryHeads > 0 && queryHeads % tensor !== 0) {
    throw new PlimsollError({
      code: 'tensor-parallel-heads',
      message: `tensor parallelism ${tensor} does not divide the ${queryHeads} attention heads`,
      value: tensor,
      limit: `a divisor of ${queryHeads}`,
      hint: `use --tp ${largestDivisorUpTo(queryHeads, tensor)}, or --pp for the rest`,
    });
  }
  const kvHeads = kvHeadsThatSplitUnevenly(spec, tensor);
  if (kvHeads !== null) {
    throw new PlimsollError({
      code: 'tensor-parallel-kv-heads',
      message: `tensor parallelism ${tensor} neither divides the ${kvHeads} key-value heads nor is a multiple of them`,
      value: tensor,
      limit: `a divisor or a multiple of ${kvHeads}`,
      hint: `use --tp ${largestDivisorUpTo(kvHeads, tensor)}, or --pp for the rest`,
    });
  }
  if (pipeline > layers) {
    throw new PlimsollError({
      code: 'pipeline-layers',
      message: `pipeline parallelism ${pipeline} is more than the ${layers} layers`,
      value: pipeline,
      limit: layers,
    });
  }
}

const headMemo = createMemo<number>();

/** Returns the smallest number of query heads over the layers; 0 for models without heads. */
function commonQueryHeads(spec: ModelSpec): number {
  let heads = 0;
  for (const { attention } of spec.layers) {
    if ('queryHeads' in attention)
      heads = heads === 0 ? attention.queryHeads : Math.min(heads, attention.queryHeads);
  }
  return heads;
}

/**
 * Returns the kv heads of a layer that the split neither divides nor multiplies; null if there is none. Engines
 * distribute or copy only whole heads.
 */
function kvHeadsThatSplitUnevenly(spec: ModelSpec, tensor: number): number | null {
  for (const { attention } of new Set(spec.layers)) {
    if (!('kvHeads' in attention)) continue;
    const { kvHeads } = attention;
    if (kvHeads % tensor !== 0 && tensor % kvHeads !== 0) return kvHeads;
  }
  return null;
}

function largestDivisorUpTo(whole: number, limit: number): number {
  let divisor = Math.min(whole, limit);
  while (whole % divisor !== 0) divisor--;
  return divisor;
}

/**
 * Returns the key-value heads on one device: at least one, because heads are copied if there are more devices than
 * heads.
 */
export function kvHeadsPerDevice(kvHeads: number, tensor: number): number {
  return Math.max(1, Math.ceil(kvHeads / tensor));
}

/**
 * Returns the elements of `tensor` on the fullest device. A cut along the output also cuts the bias; after a cut along
 * the input, every device holds the whole bias.
 */
export function elementsPerDevice(
  tensor: TensorSpec,
  layer: LayerSpec | null,
  parallelism: Parallelism,
): number {
  const count = elementCount(tensor);
  const ways = parallelism.tensor;
  const cut = cuts[tensor.role];
  if (cut === 'experts') return expertElementsPerDevice(tensor, parallelism);
  if (ways === 1 || cut === 'replicated') return count;
  if (parallelism.wholeVision === true && isVision(tensor.role)) return count;
  if (cut === 'input')
    return tensor.shape.length === 1 ? count : ceilCut(tensor, tensor.shape.length - 1, ways);
  if (cut === 'kv-heads') return count * kvShare(layer, ways);
  if (cut === 'fused-qkv') return fusedQkvElements(count, layer, ways);
  return ceilCut(tensor, 0, ways);
}

function isVision(role: TensorRole): boolean {
  return role === 'vision' || role === 'projector';
}

/** Cuts one axis and rounds the share up: every engine pads the last device of an uneven cut. */
function ceilCut(tensor: TensorSpec, axis: number, ways: number): number {
  const size = tensor.shape[axis] ?? 1;
  return (elementCount(tensor) / size) * Math.ceil(size / ways);
}

function kvShare(layer: LayerSpec | null, ways: number): number {
  const kvHeads = layer !== null && 'kvHeads' in layer.attention ? layer.attention.kvHeads : ways;
  return kvHeadsPerDevice(kvHeads, ways) / kvHeads;
}

function fusedQkvElements(count: number, layer: LayerSpec | null, ways: number): number {
  // Cross-attention layers cache no token and state no kv heads; in the one family that has them, every usual split
  // divides their heads.
  if (layer === null || !('kvHeads' in layer.attention)) return Math.ceil(count / ways);
  const { queryHeads, kvHeads, keyHeadDim, valueHeadDim } = layer.attention;
  const queryRows = queryHeads * keyHeadDim;
  const kvRows = kvHeads * (keyHeadDim + valueHeadDim);
  const share = (queryRows / ways + kvRows * kvShare(layer, ways)) / (queryRows + kvRows);
  return Math.round(count * share);
}

function expertElementsPerDevice(tensor: TensorSpec, parallelism: Parallelism): number {
  const ways = parallelism.tensor * parallelism.data;
  const experts = tensor.shape[0] ?? 1;
  if (parallelism.expertParallel) return (elementCount(tensor) / experts) * Math.ceil(experts / ways);
  return elementCount(tensor) / ways;
}

function evenCounts(layers: number, pipeline: number): number[] {
  const counts = new Array<number>(pipeline).fill(Math.floor(layers / pipeline));
  const remainder = layers % pipeline;
  for (let index = 0; index < remainder; index++) {
    const stage = pipeline - 2 - index;
    counts[stage < 0 ? pipeline - 1 : stage] = (counts[stage] ?? 0) + 1;
  }
  return counts;
}

/**
 * Returns the layers of each pipeline stage, half-open [start, end), by vLLM's rule (vllm/distributed/utils.py,
 * get_pp_indices): equal shares, and one more layer for each of the stages before the last until the remainder is used
 * up, because the last stage has the head.
 */
export function pipelineStages(
  layers: number,
  { pipeline, stageLayers }: Pick<Parallelism, 'pipeline' | 'stageLayers'>,
): readonly (readonly [number, number])[] {
  const counts = stageLayers === undefined ? evenCounts(layers, pipeline) : [...stageLayers];
  // Prediction layers follow the layers that a partition counts.
  const given = counts.reduce((sum, count) => sum + count, 0);
  counts[counts.length - 1] = (counts.at(-1) ?? 0) + layers - given;
  let start = 0;
  return counts.map((count) => {
    const stage = [start, start + count] as const;
    start += count;
    return stage;
  });
}
