/** Refuses questions that vLLM refuses at start-up: wrong device, cache type, block size or split. */
import { PlimsollError } from '@plimsoll/foundation';
import type { ModelSpec, TensorSpec } from '@plimsoll/model-files/spec';
import type { HardwareRecord } from '@plimsoll/registry';
import type { KvFormat } from '../../bytes/kv-format.ts';
import type { Parallelism } from '../../bytes/parallelism.ts';
import type { Question } from '../../question/question.ts';
import { checkExpertBalance } from './expert-balance.ts';
import type { VllmOptions } from './options.ts';
import type { VllmRelease } from './release.ts';
import { checkDeviceCount } from './unlike-devices.ts';

/** --kv-cache-dtype of the releases until 0.33; the per-token-head types came with 0.20. */
const cacheTypes: readonly KvFormat[] = [
  'bf16',
  'fp16',
  'fp32',
  'fp8',
  'fp8_per_token_head',
  'int8_per_token_head',
  'int4_per_token_head',
  'int2_per_token_head',
  'nvfp4',
  'turboquant_k8v4',
  'turboquant_4bit_nc',
  'turboquant_k3v4_nc',
  'turboquant_3bit_nc',
];

export function checkVllm(
  request: Question<VllmOptions>,
  { kvFormat, release }: { readonly kvFormat: KvFormat; readonly release: VllmRelease },
): void {
  for (const device of request.devices ?? [request.hardware]) checkDevice(device);
  checkDeviceCount(request);
  if (!cacheTypes.includes(kvFormat)) {
    throw new PlimsollError({
      code: 'bad-kv-format',
      message: `vLLM has no KV cache type "${kvFormat}"`,
      value: kvFormat,
      limit: cacheTypes.join(', '),
      hint: '--kv fp8, or --engine llama.cpp for ggml types',
    });
  }
  const blockSize = request.options?.blockTokens ?? 16;
  if (blockSize % 16 !== 0 && blockSize !== 8) {
    throw new PlimsollError({
      code: 'bad-block-size',
      message: `vLLM has no KV blocks of ${blockSize} tokens`,
      value: blockSize,
      limit: '8 or a multiple of 16',
    });
  }
  const mixture = request.spec.layers.find(({ mlp }) => mlp.kind === 'moe')?.mlp;
  if (mixture?.kind === 'moe')
    checkExpertBalance(request.options ?? {}, request.parallelism, mixture.experts);
  // 0.11.1 removed the flag (vllm/engine/arg_utils.py).
  const { ropeText } = request.options ?? {};
  if (ropeText !== undefined && release.number >= 11.01) {
    throw new PlimsollError({
      code: 'removed-flag',
      message: `vLLM ${release.version} has no flag --rope-scaling`,
      value: '--rope-scaling',
      limit: 'releases until 0.11.0',
      hint: `--hf-overrides '{"rope_scaling": ${ropeText}}', or --engine vllm@0.11.0`,
    });
  }
  // Only the checkpoint's own weights have such blocks.
  if (request.weights === undefined) checkScaleBlocks(request.spec, request.parallelism);
}

/** Kernels exist for compute capability 7.0 and later, for AMD CDNA and RDNA 3, and for accelerators with plug-ins. */
function checkDevice(hardware: HardwareRecord): void {
  const isOld = hardware.computeCapability !== null && Number(hardware.computeCapability) < 7;
  const isForeign = ['apple', 'cpu', 'mobile', 'edge', 'tiny'].includes(hardware.class);
  const isJetson = hardware.class === 'edge' && hardware.computeCapability !== null;
  if (!isOld && (!isForeign || isJetson)) return;
  throw new PlimsollError({
    code: 'engine-device',
    message: `vLLM's GPU engine does not run on ${hardware.name}`,
    value: hardware.id,
    limit: 'CUDA compute capability 7.0 or later, AMD Instinct or Radeon 7000, data-centre accelerators',
    hint: '--engine llama.cpp',
  });
}

/**
 * Block-wise fp8 scales cannot be cut: a device's share of a matrix must be whole blocks
 * (vllm/model_executor/layers/quantization/fp8.py, validate_fp8_block_shape).
 */
function checkScaleBlocks(spec: ModelSpec, parallelism: Parallelism): void {
  if (parallelism.tensor === 1) return;
  for (const layer of new Set(spec.layers)) {
    for (const tensor of layer.tensors) {
      const cut = cutSize(tensor, parallelism);
      if (cut === null || cut.size % (cut.block * parallelism.tensor) === 0) continue;
      const isExpert = tensor.role.startsWith('expert');
      throw new PlimsollError({
        code: 'tensor-parallel-blocks',
        message: `tensor parallelism ${parallelism.tensor} leaves ${cut.size / parallelism.tensor} of the ${cut.size} ${isExpert ? 'expert ' : ''}channels of ${tensor.name} on a device, not whole fp8 blocks of ${cut.block}`,
        value: parallelism.tensor,
        limit: `a divisor of ${Math.floor(cut.size / cut.block)}`,
        hint: isExpert ? 'add --ep, or use fewer devices per replica' : 'use fewer devices per replica',
      });
    }
  }
}

function cutSize(
  tensor: TensorSpec,
  parallelism: Parallelism,
): { readonly size: number; readonly block: number } | null {
  const shape = tensor.scheme?.blockShape ?? null;
  if (shape === null || tensor.shape.length < 2) return null;
  const outputs = tensor.shape.at(-2) ?? 1;
  const inputs = tensor.shape.at(-1) ?? 1;
  switch (tensor.role) {
    case 'expert-gate':
    case 'expert-up':
      return parallelism.expertParallel ? null : { size: outputs, block: shape[0] };
    case 'expert-gate-up':
      return parallelism.expertParallel ? null : { size: outputs / 2, block: shape[0] };
    case 'expert-down':
      return parallelism.expertParallel ? null : { size: inputs, block: shape[1] };
    case 'mlp-gate':
    case 'mlp-up':
      return { size: outputs, block: shape[0] };
    case 'mlp-down':
      return { size: inputs, block: shape[1] };
    default:
      return null;
  }
}
