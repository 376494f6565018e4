/**
 * Feed-forward parts: dense, and mixtures of experts, in which one stacked tensor holds a projection of all experts.
 */
import type { TensorRole, TensorSpec } from '../model-spec.ts';
import type { MlpPart } from './layers.ts';
import { linear, tensor } from './tensors.ts';

export interface MlpNames {
  readonly gate: string;
  readonly up: string;
  readonly down: string;
  readonly gateUp: string;
}

const llamaNames: MlpNames = { gate: 'gate_proj', up: 'up_proj', down: 'down_proj', gateUp: 'gate_up_proj' };
/** The names of Mixtral and its descendants. */
export const mixtralNames: Partial<MlpNames> = { gate: 'w1', up: 'w3', down: 'w2' };

export interface DenseMlpOptions {
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly module?: string;
  readonly names?: Partial<MlpNames>;
  /** False for two-matrix feed-forwards (GELU, squared ReLU). */
  readonly gated?: boolean;
  /** True if one matrix holds gate and up rows. */
  readonly fused?: boolean;
  readonly bias?: boolean;
}

export function denseMlp(options: DenseMlpOptions): MlpPart {
  const { intermediateSize, gated = true } = options;
  return {
    mlp: { kind: 'dense', intermediateSize, gated },
    tensors: feedForward(options, {
      gate: 'mlp-gate',
      up: 'mlp-up',
      gateUp: 'mlp-gate-up',
      down: 'mlp-down',
    }),
  };
}

interface FeedForwardRoles {
  readonly gate: TensorRole;
  readonly up: TensorRole;
  readonly gateUp: TensorRole;
  readonly down: TensorRole;
}

const sharedRoles: FeedForwardRoles = {
  gate: 'shared-expert-gate',
  up: 'shared-expert-up',
  gateUp: 'shared-expert-gate-up',
  down: 'shared-expert-down',
};

function feedForward(options: DenseMlpOptions, roles: FeedForwardRoles): TensorSpec[] {
  const { hiddenSize, intermediateSize, module = 'mlp', gated = true, fused = false, bias = false } = options;
  const names = { ...llamaNames, ...options.names };
  const prefix = module === '' ? '' : `${module}.`;
  const into = { out: intermediateSize, in: hiddenSize };
  const inward =
    gated && fused
      ? linear(`${prefix}${names.gateUp}`, roles.gateUp, { out: 2 * intermediateSize, in: hiddenSize }, bias)
      : [
          ...(gated ? linear(`${prefix}${names.gate}`, roles.gate, into, bias) : []),
          ...linear(`${prefix}${names.up}`, roles.up, into, bias),
        ];
  const out = { out: hiddenSize, in: intermediateSize };
  return [...inward, ...linear(`${prefix}${names.down}`, roles.down, out, bias)];
}

export interface ExpertMlpOptions {
  readonly hiddenSize: number;
  /** Width of the routed experts' input and output, if it is smaller than the layer's. */
  readonly expertHiddenSize?: number;
  readonly experts: number;
  readonly expertsPerToken: number;
  readonly expertIntermediateSize: number;
  readonly sharedIntermediateSize?: number;
  readonly gated?: boolean;
  /** True if one matrix holds gate and up rows of an expert. */
  readonly fused?: boolean;
  /** True if each projection is stored as one parameter, whose name has no `.weight`. */
  readonly stacked?: boolean;
  readonly bias?: boolean;
  /** Name of a per-expert bias on the router's scores, used for selection only. */
  readonly scoreCorrection?: string;
  /** Name of a sigmoid gate on the shared expert, a matrix of one row. */
  readonly sharedGate?: string;
  readonly module?: string;
  readonly router?: string;
  readonly routerBias?: boolean;
  readonly expertModule?: string;
  readonly sharedModule?: string;
  readonly sharedFused?: boolean;
  readonly names?: Partial<MlpNames>;
  readonly sharedNames?: Partial<MlpNames>;
}

export function expertMlp(options: ExpertMlpOptions): MlpPart {
  const { hiddenSize, experts, expertsPerToken, expertIntermediateSize } = options;
  const { module = 'mlp', gated = true, sharedIntermediateSize = 0 } = options;
  const routerName = `${module}.${options.router ?? 'gate'}`;
  return {
    mlp: { kind: 'moe', experts, expertsPerToken, expertIntermediateSize, sharedIntermediateSize, gated },
    tensors: [
      ...linear(routerName, 'router', { out: experts, in: hiddenSize }, options.routerBias),
      ...(options.scoreCorrection === undefined
        ? []
        : [tensor(`${module}.${options.scoreCorrection}`, 'router', experts)]),
      ...stackedExperts(options),
      ...(sharedIntermediateSize === 0 ? [] : sharedExpert(options, sharedIntermediateSize)),
    ],
  };
}

function stackedExperts(options: ExpertMlpOptions): TensorSpec[] {
  const { experts, expertIntermediateSize: width, gated = true, fused = false, bias = false } = options;
  const hidden = options.expertHiddenSize ?? options.hiddenSize;
  const names = { ...llamaNames, ...options.names };
  const prefix = `${options.module ?? 'mlp'}.${options.expertModule ?? 'experts'}`;
  const stack = (name: string, role: TensorRole, out: number, input: number): TensorSpec[] => {
    const [weightName, biasName] = options.stacked
      ? [name, `${name}_bias`]
      : [`${name}.weight`, `${name}.bias`];
    const weight = tensor(`${prefix}.${weightName}`, role, experts, out, input);
    return bias ? [weight, tensor(`${prefix}.${biasName}`, role, experts, out)] : [weight];
  };
  const inward =
    gated && fused
      ? stack(names.gateUp, 'expert-gate-up', 2 * width, hidden)
      : [
          ...(gated ? stack(names.gate, 'expert-gate', width, hidden) : []),
          ...stack(names.up, 'expert-up', width, hidden),
        ];
  return [...inward, ...stack(names.down, 'expert-down', hidden, width)];
}

function sharedExpert(options: ExpertMlpOptions, intermediateSize: number): TensorSpec[] {
  const { hiddenSize, module = 'mlp', gated = true, sharedModule = 'shared_experts' } = options;
  const shared = feedForward(
    {
      hiddenSize,
      intermediateSize,
      gated,
      module: `${module}.${sharedModule}`,
      ...(options.sharedNames && { names: options.sharedNames }),
      ...(options.sharedFused && { fused: true }),
    },
    sharedRoles,
  );
  const gate = options.sharedGate;
  return gate === undefined
    ? shared
    : [...shared, ...linear(`${module}.${gate}`, 'router', { out: 1, in: hiddenSize })];
}
