/**
 * The bytes of a weight tensor in the format of a plan, including scales and zero points. The reader attaches the
 * checkpoint's scheme to each tensor; a user may choose another format by name. In the checkpoint's own format, the
 * bytes that a file states for a tensor (`stored`) take precedence.
 */
import { PlimsollError } from '@plimsoll/foundation';
import {
  type ElementType,
  elementCount,
  type ModelSpec,
  type TensorRole,
  type TensorSpec,
  type WeightScheme,
} from '@plimsoll/model-files/spec';
import { createMemo, remember } from './memo.ts';

/** Operand type of the matrix units. Weight-only schemes compute in the base type. */
export type ComputeFormat = 'fp32' | 'fp16' | 'bf16' | 'fp8' | 'int8' | 'fp4';

export interface WeightFormat {
  /** As printed: `bf16`, `fp8`, `awq int4 group 128`. */
  readonly label: string;
  /** Type of the tensors that stay unquantised. */
  readonly base: ElementType;
  readonly compute: ComputeFormat;
  /** True if the weights are converted from the checkpoint's format. */
  readonly converted: boolean;
  /** Bytes of the whole tensor. */
  bytes(tensor: TensorSpec): number;
  /** Storage type and bits of one element of the tensor, without scales and zero points. */
  element(tensor: TensorSpec): { readonly type: string; readonly bits: number };
  /**
   * Rounds the bytes of a device's share of a tensor as the allocator does; undefined if the allocator does not round.
   */
  readonly allocate?: (bytes: number) => number;
}

/** Bytes of one element of a plain type. */
export const elementBytes: Readonly<Record<ElementType, number>> = {
  fp32: 4,
  fp16: 2,
  bf16: 2,
  fp8: 1,
  int8: 1,
};

/**
 * Roles that quantisation tools convert by default: the linear layers of the decoder. Embeddings, head, norms, routers,
 * convolutions, recurrent parameters and vision towers keep the base type (llm-compressor, AutoAWQ, GPTQModel,
 * bitsandbytes and vLLM's online fp8 agree on this).
 */
const linearRoles: ReadonlySet<TensorRole> = new Set<TensorRole>([
  'attention-q',
  'attention-k',
  'attention-v',
  'attention-qkv',
  'attention-output',
  'mla-q-down',
  'mla-q-up',
  'mla-kv-down',
  'mla-kv-up',
  'linear-in',
  'linear-output',
  'ssm-in',
  'ssm-output',
  'mlp-gate',
  'mlp-up',
  'mlp-gate-up',
  'mlp-down',
  'expert-gate',
  'expert-up',
  'expert-gate-up',
  'expert-down',
  'shared-expert-gate',
  'shared-expert-up',
  'shared-expert-gate-up',
  'shared-expert-down',
]);

const scaleBytes: Readonly<Record<WeightScheme['scaleType'], number>> = {
  fp32: 4,
  fp16: 2,
  bf16: 2,
  e4m3: 1,
  e8m0: 1,
  // bitsandbytes double quantisation: one byte per scale, and one fp32 for every 256 of them.
  nested: 1 + 4 / 256,
};

const payloadBits: Readonly<Record<WeightScheme['weights'], number>> = {
  fp8: 8,
  int8: 8,
  mxfp8: 8,
  int4: 4,
  nf4: 4,
  fp4: 4,
  nvfp4: 4,
  mxfp4: 4,
  int3: 3,
  int2: 2,
};

/** Bytes of a quantised tensor of shape [..., out, in]: payload, scales, zero points, channel order. */
function quantizedBytes(tensor: TensorSpec, scheme: WeightScheme): number {
  const count = elementCount(tensor);
  const bits = payloadBits[scheme.weights];
  const scales = scaleCount(tensor, scheme);
  const zeros = scheme.zeroPoints ? (scales * bits) / 8 : 0;
  const order = scheme.channelOrder ? 4 * (tensor.shape.at(-1) ?? 1) : 0;
  const tensorScale = scheme.weights === 'nvfp4' ? 4 : 0;
  return (count * bits) / 8 + scales * scaleBytes[scheme.scaleType] + zeros + order + tensorScale;
}

/** Number of scales: one per tensor, per block, per group of inputs, or per output channel. */
function scaleCount(tensor: TensorSpec, scheme: WeightScheme): number {
  const inputs = tensor.shape.at(-1) ?? 1;
  const outputs = tensor.shape.at(-2) ?? 1;
  const stacks = elementCount(tensor) / (inputs * outputs);
  if (scheme.perTensor) return stacks;
  if (scheme.blockShape !== null) {
    const [blockRows, blockColumns] = scheme.blockShape;
    return stacks * Math.ceil(outputs / blockRows) * Math.ceil(inputs / blockColumns);
  }
  if (scheme.groupSize === null) return stacks * outputs;
  return stacks * outputs * Math.ceil(inputs / scheme.groupSize);
}

function checkpointFormat(spec: ModelSpec, base: ElementType): WeightFormat {
  const quantization = spec.quantization;
  return {
    label: quantization === null ? base : schemeLabel(quantization),
    base,
    compute: quantization === null ? base : computeFormat(quantization.weights, base),
    converted: base !== spec.elementType,
    bytes(tensor) {
      if (tensor.stored !== undefined) return tensor.stored.bytes;
      const scheme = tensor.scheme ?? null;
      return scheme === null ? elementCount(tensor) * elementBytes[base] : quantizedBytes(tensor, scheme);
    },
    element({ stored, scheme, ...tensor }) {
      if (stored !== undefined) return { type: stored.type, bits: (stored.bytes * 8) / elementCount(tensor) };
      return storedElement(base, scheme ?? null);
    },
  };
}

function storedElement(
  base: ElementType,
  scheme: WeightScheme | null,
): { readonly type: string; readonly bits: number } {
  if (scheme === null) return { type: base, bits: elementBytes[base] * 8 };
  return { type: scheme.weights, bits: payloadBits[scheme.weights] };
}

function convertedFormat(label: string, base: ElementType, scheme: WeightScheme | null): WeightFormat {
  const schemeOf = (tensor: TensorSpec): WeightScheme | null =>
    tensor.shape.length >= 2 && linearRoles.has(tensor.role) ? scheme : null;
  return {
    label,
    base,
    compute: scheme === null ? base : computeFormat(scheme.weights, base),
    converted: true,
    bytes(tensor) {
      const own = schemeOf(tensor);
      return own === null ? elementCount(tensor) * elementBytes[base] : quantizedBytes(tensor, own);
    },
    element: (tensor) => storedElement(base, schemeOf(tensor)),
  };
}

function schemeLabel(quantization: NonNullable<ModelSpec['quantization']>): string {
  const { method, weights, groupSize, inferred } = quantization;
  const name = weights === 'gguf' || weights === method ? method : `${method} ${weights}`;
  const group = weights.startsWith('int') && groupSize !== null ? ` group ${groupSize}` : '';
  return `${name}${group}${inferred ? ' (scheme read from the name)' : ''}`;
}

function computeFormat(weights: WeightScheme['weights'] | 'gguf', base: ElementType): ComputeFormat {
  if (weights === 'fp8' || weights === 'mxfp8') return 'fp8';
  if (weights === 'int8') return 'int8';
  return weights === 'nvfp4' ? 'fp4' : base;
}

const plainFields = { blockShape: null, perTensor: false, zeroPoints: false, channelOrder: false } as const;

/** Schemes that a user can choose by name, with the group sizes of the published checkpoints. */
const namedSchemes: Readonly<Record<string, WeightScheme>> = {
  fp8: { ...plainFields, weights: 'fp8', groupSize: null, perTensor: true, scaleType: 'fp32' },
  int8: { ...plainFields, weights: 'int8', groupSize: null, scaleType: 'fp32' },
  int4: { ...plainFields, weights: 'int4', groupSize: 128, scaleType: 'bf16' },
  gptq: { ...plainFields, weights: 'int4', groupSize: 128, scaleType: 'fp16' },
  awq: { ...plainFields, weights: 'int4', groupSize: 128, zeroPoints: true, scaleType: 'fp16' },
  bitsandbytes: { ...plainFields, weights: 'nf4', groupSize: 64, scaleType: 'nested' },
  nvfp4: { ...plainFields, weights: 'nvfp4', groupSize: 16, scaleType: 'e4m3' },
  mxfp4: { ...plainFields, weights: 'mxfp4', groupSize: 32, scaleType: 'e8m0' },
};

const plainNames: Readonly<Record<string, ElementType>> = {
  bf16: 'bf16',
  bfloat16: 'bf16',
  fp16: 'fp16',
  float16: 'fp16',
  half: 'fp16',
  fp32: 'fp32',
  float32: 'fp32',
  float: 'fp32',
};

export const weightFormatNames: readonly string[] = ['bf16', 'fp16', 'fp32', ...Object.keys(namedSchemes)];

/** Parses `bfloat16`, `fp16`, `half` ... as an element type; returns null for any other name. */
export function parseElementType(name: string): ElementType | null {
  const key = name.trim().toLowerCase();
  return Object.hasOwn(plainNames, key) ? (plainNames[key] ?? null) : null;
}

/**
 * Resolves the weight format of a plan: the checkpoint's own unless `format` names another. `base` overrides the type
 * of the unquantised tensors (an engine's --dtype). Throws `bad-weight-format` for an unknown name.
 */
export function weightFormat(
  spec: ModelSpec,
  options: { readonly format?: string | undefined; readonly base?: ElementType | undefined } = {},
): WeightFormat {
  const key = `${options.format ?? ''}|${options.base ?? ''}`;
  return remember(formatMemo, spec, key, () => resolveFormat(spec, options));
}

const formatMemo = createMemo<WeightFormat>();

function resolveFormat(
  spec: ModelSpec,
  options: { readonly format?: string | undefined; readonly base?: ElementType | undefined },
): WeightFormat {
  const base = options.base ?? spec.elementType;
  if (options.format === undefined) return checkpointFormat(spec, base);
  const plain = parseElementType(options.format);
  if (plain !== null) return convertedFormat(plain, plain, null);
  const name = options.format.trim().toLowerCase();
  const scheme = Object.hasOwn(namedSchemes, name) ? namedSchemes[name] : undefined;
  if (scheme === undefined) {
    throw new PlimsollError({
      code: 'bad-weight-format',
      message: `"${options.format}" is not a weight format`,
      value: options.format,
      limit: weightFormatNames.join(', '),
      hint: 'GGUF types such as Q4_K_M are for --engine llama.cpp',
    });
  }
  const halfBase = base === 'fp32' || base === 'fp16' ? base : 'bf16';
  return convertedFormat(name, halfBase, scheme);
}
