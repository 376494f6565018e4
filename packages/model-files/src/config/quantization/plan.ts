/** The plan from a quantization_config: an ordered list of rules. The first rule that fits a tensor decides. */
import type { QuantizationSpec, TensorRole, WeightScheme } from '../../model-spec.ts';
import { compilePatterns, type ModulePatterns } from './module-patterns.ts';

export interface QuantizationRule {
  /** Modules of the rule; undefined = all. */
  readonly modules?: ModulePatterns;
  /** Roles of the rule; undefined = all roles that can be quantised. */
  readonly roles?: ReadonlySet<TensorRole>;
  /** The scheme; null = the tensor keeps the base type. */
  readonly scheme: WeightScheme | null;
}

export interface QuantizationPlan {
  readonly method: string;
  readonly rules: readonly QuantizationRule[];
  /** Excluded names and patterns as the file lists them. */
  readonly unquantized: readonly string[];
  readonly kvCache: QuantizationSpec['kvCache'];
  readonly inferred: boolean;
  /** True if the file has no exclusion list, so that the customary exclusions apply. */
  readonly customaryExclusions: boolean;
}

export const expertRoles: ReadonlySet<TensorRole> = new Set<TensorRole>([
  'expert-gate',
  'expert-up',
  'expert-gate-up',
  'expert-down',
]);

export const feedForwardRoles: ReadonlySet<TensorRole> = new Set<TensorRole>([
  ...expertRoles,
  'shared-expert-gate',
  'shared-expert-up',
  'shared-expert-gate-up',
  'shared-expert-down',
  'mlp-gate',
  'mlp-up',
  'mlp-gate-up',
  'mlp-down',
]);

export const attentionRoles: ReadonlySet<TensorRole> = new Set<TensorRole>([
  'attention-q',
  'attention-k',
  'attention-v',
  'attention-qkv',
  'attention-output',
  'mla-q-down',
  'mla-q-up',
  'mla-kv-down',
  'mla-kv-up',
  'indexer',
  'compressor',
  'linear-in',
  'linear-output',
  'ssm-in',
  'ssm-output',
]);

export function plan(
  method: string,
  rules: readonly QuantizationRule[],
  rest: Partial<QuantizationPlan> = {},
): QuantizationPlan {
  const customary = { unquantized: [], kvCache: null, inferred: false, customaryExclusions: false } as const;
  return { ...customary, method, rules, ...rest };
}

/** Makes a plan of one scheme with a list of excluded modules; without a list, the customary exclusions apply. */
export function withExclusions(
  method: string,
  unquantized: readonly string[] | null,
  rules: readonly QuantizationRule[],
): QuantizationPlan {
  const excluded: QuantizationRule[] =
    unquantized === null ? [] : [{ modules: compilePatterns(unquantized), scheme: null }];
  return plan(method, [...excluded, ...rules], {
    unquantized: unquantized ?? [],
    customaryExclusions: unquantized === null,
  });
}
