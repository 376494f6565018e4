/** Builds the common kinds of tensors of an inventory. A bias has the role of its matrix. */
import type { TensorRole, TensorSpec } from '../model-spec.ts';

/** `[out, in]` of a linear layer. */
export interface LinearSize {
  readonly out: number;
  readonly in: number;
}

export function linear(name: string, role: TensorRole, size: LinearSize, bias = false): TensorSpec[] {
  const weight: TensorSpec = { name: `${name}.weight`, role, shape: [size.out, size.in] };
  return bias ? [weight, { name: `${name}.bias`, role, shape: [size.out] }] : [weight];
}

export function norm(name: string, size: number, bias = false): TensorSpec[] {
  const weight: TensorSpec = { name: `${name}.weight`, role: 'norm', shape: [size] };
  return bias ? [weight, { name: `${name}.bias`, role: 'norm', shape: [size] }] : [weight];
}

export function tensor(name: string, role: TensorRole, ...shape: readonly number[]): TensorSpec {
  return { name, role, shape };
}
