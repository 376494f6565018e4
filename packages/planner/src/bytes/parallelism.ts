/**
 * How one model replica is spread over devices, and what share of a tensor one device then holds.
 *
 * - tensor: every layer is cut over `tensor` devices (Megatron-LM: column, then row).
 * - pipeline: layers are dealt to `pipeline` stages; embeddings sit on the first, the head on the last.
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
}

export const singleDevice: Parallelism = { tensor: 1, pipeline: 1, data: 1, expertParallel: false };

export function deviceCount(parallelism: Parallelism): number {
  return parallelism.tensor * parallelism.pipeline * parallelism.data;
}

/** Names a split, for remembering what was computed for it. */
export function parallelismKey(parallelism: Parallelism): string {
  const { tensor, pipeline, data, expertParallel } = parallelism;
  return `${tensor},${pipeline},${data},${expertParallel}`;
}

/** The axis a role is cut along. `kv-heads` stops at one head per device and replicates from there. */
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
  vision: 'output',
  projector: 'output',
  other: 'replicated',
};

/** Refuses splits no engine would load, naming the number that does not divide. */
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

/** Heads every attention layer can be cut into: the smallest count over the layers, 0 for models without heads. */
function commonQueryHeads(spec: ModelSpec): number {
  let heads = 0;
  for (const { attention } of spec.layers) {
    if ('queryHeads' in attention)
      heads = heads === 0 ? attention.queryHeads : Math.min(heads, attention.queryHeads);
  }
  return heads;
}

/** Heads are dealt out whole or copied whole; engines refuse anything between. */
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

/** Key-value heads one device holds: never less than one, so heads are copied when there are more devices than heads. */
export function kvHeadsPerDevice(kvHeads: number, tensor: number): number {
  return Math.max(1, Math.ceil(kvHeads / tensor));
}

/**
 * Elements of `tensor` on the fullest device. Biases follow their matrix where the cut is along its output; along the
 * input they are whole on every device.
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
  if (cut === 'input')
    return tensor.shape.length === 1 ? count : ceilCut(tensor, tensor.shape.length - 1, ways);
  if (cut === 'kv-heads') return count * kvShare(layer, ways);
  if (cut === 'fused-qkv') return fusedQkvElements(count, layer, ways);
  return ceilCut(tensor, 0, ways);
}

/** Cuts one axis, rounding the fullest share up: the last device of an uneven cut is padded by every engine. */
function ceilCut(tensor: TensorSpec, axis: number, ways: number): number {
  const size = tensor.shape[axis] ?? 1;
  return (elementCount(tensor) / size) * Math.ceil(size / ways);
}

function kvShare(layer: LayerSpec | null, ways: number): number {
  const kvHeads = layer !== null && 'kvHeads' in layer.attention ? layer.attention.kvHeads : ways;
  return kvHeadsPerDevice(kvHeads, ways) / kvHeads;
}

function fusedQkvElements(count: number, layer: LayerSpec | null, ways: number): number {
  // Cross-attention layers cache no token and so state no heads; those of the family divide by every usual split.
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

/**
 * Layers of each pipeline stage, half-open [start, end). vLLM's rule (vllm/distributed/utils.py, get_pp_indices): equal
 * shares, and the remainder goes one each to the stages before the last, because the last one has the head.
 */
export function pipelineStages(layers: number, pipeline: number): readonly (readonly [number, number])[] {
  const counts = new Array<number>(pipeline).fill(Math.floor(layers / pipeline));
  const remainder = layers % pipeline;
  for (let index = 0; index < remainder; index++) {
    const stage = pipeline - 2 - index;
    counts[stage < 0 ? pipeline - 1 : stage] = (counts[stage] ?? 0) + 1;
  }
  let start = 0;
  return counts.map((count) => {
    const stage = [start, start + count] as const;
    start += count;
    return stage;
  });
}
