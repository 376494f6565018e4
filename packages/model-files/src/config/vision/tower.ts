/** The common parts of vision towers: transformer blocks by traits, patch embeddings, two-layer projectors. */
import type { TensorSpec } from '../../model-spec.ts';

type Role = 'vision' | 'projector';

export function matrix(
  name: string,
  size: { readonly out: number; readonly in: number; readonly bias: boolean },
  role: Role = 'vision',
): TensorSpec[] {
  const weight: TensorSpec = { name: `${name}.weight`, role, shape: [size.out, size.in] };
  return size.bias ? [weight, { name: `${name}.bias`, role, shape: [size.out] }] : [weight];
}

export function scale(name: string, size: number, bias: boolean, role: Role = 'vision'): TensorSpec[] {
  const weight: TensorSpec = { name: `${name}.weight`, role, shape: [size] };
  return bias ? [weight, { name: `${name}.bias`, role, shape: [size] }] : [weight];
}

export function parameter(name: string, ...shape: readonly number[]): TensorSpec {
  return { name, role: 'vision', shape };
}

export interface BlockTraits {
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  /** Width of all heads together if it differs from the hidden size. */
  readonly attentionWidth?: number;
  readonly fusedQkv: boolean;
  readonly attentionBias: boolean;
  readonly mlpBias: boolean;
  readonly gated: boolean;
  /** Names of the norms of a block. Each has the width of the hidden size. */
  readonly norms: readonly string[];
  readonly normBias: boolean;
  /** Other parameters per block, neither linear layers nor norms: name and size. */
  readonly extra?: readonly (readonly [string, number])[];
}

export function blocks(prefix: string, count: number, traits: BlockTraits): TensorSpec[] {
  return Array.from({ length: count }, (_, index) => block(`${prefix}.${index}`, traits)).flat();
}

function block(prefix: string, traits: BlockTraits): TensorSpec[] {
  const { hiddenSize, intermediateSize, attentionBias, mlpBias } = traits;
  const width = traits.attentionWidth ?? hiddenSize;
  const inward = { out: width, in: hiddenSize, bias: attentionBias };
  const up = { out: intermediateSize, in: hiddenSize, bias: mlpBias };
  return [
    ...traits.norms.flatMap((name) => scale(`${prefix}.${name}`, hiddenSize, traits.normBias)),
    ...(traits.fusedQkv
      ? matrix(`${prefix}.attn.qkv`, { ...inward, out: 3 * width })
      : ['q_proj', 'k_proj', 'v_proj'].flatMap((name) => matrix(`${prefix}.self_attn.${name}`, inward))),
    ...matrix(`${prefix}.attn.proj`, { out: hiddenSize, in: width, bias: attentionBias }),
    ...(traits.gated ? matrix(`${prefix}.mlp.gate_proj`, up) : []),
    ...matrix(`${prefix}.mlp.up_proj`, up),
    ...matrix(`${prefix}.mlp.down_proj`, { out: hiddenSize, in: intermediateSize, bias: mlpBias }),
    ...(traits.extra ?? []).map(([name, size]) => parameter(`${prefix}.${name}`, size)),
  ];
}

/** Lists the convolution that splits an image into patches. */
export function patches(
  name: string,
  size: {
    readonly hiddenSize: number;
    readonly patch: number;
    readonly frames?: number;
    readonly bias: boolean;
  },
): TensorSpec[] {
  const { hiddenSize, patch, frames, bias } = size;
  const weight = parameter(
    `${name}.weight`,
    hiddenSize,
    3,
    ...(frames === undefined ? [] : [frames]),
    patch,
    patch,
  );
  return bias ? [weight, parameter(`${name}.bias`, hiddenSize)] : [weight];
}

/** Lists two linear layers from the tower's width (after merging patches) to the language model's width. */
export function projector(
  name: string,
  size: { readonly in: number; readonly middle: number; readonly out: number; readonly bias: boolean },
): TensorSpec[] {
  const { bias } = size;
  return [
    ...matrix(`${name}.linear_1`, { out: size.middle, in: size.in, bias }, 'projector'),
    ...matrix(`${name}.linear_2`, { out: size.out, in: size.middle, bias }, 'projector'),
  ];
}
