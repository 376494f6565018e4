/** What a quantisation_config comes to: rules in order, the first that fits a tensor decides. */
import type { QuantizationSpec, TensorRole, WeightScheme } from '../../model-spec.ts';
import { compilePatterns, type ModulePatterns } from './module-patterns.ts';

export interface QuantizationRule {
  /** Modules the rule is for; absent = all. */
  readonly modules?: ModulePatterns;
  /** Roles the rule is for; absent = all that can be quantised. */
  readonly roles?: ReadonlySet<TensorRole>;
  /** The scheme, or null for "stays in the base type". */
  readonly scheme: WeightScheme | null;
}

export interface QuantizationPlan {
  readonly method: string;
  readonly rules: readonly QuantizationRule[];
  /** Names and patterns as the file lists them. */
  readonly unquantized: readonly string[];
  readonly kvCache: QuantizationSpec['kvCache'];
  readonly inferred: boolean;
  /** True when the file does not say what it leaves out, so that what is published by custom applies. */
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

/** A plan of one scheme with a list of modules that stay as they are; without a list, custom decides. */
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
