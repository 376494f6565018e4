/**
 * How several devices share single matrices: `--split-mode row` divides the rows of a matrix, `--split-mode tensor` divides
 * matrices, caches and states by heads. Everything else lies where `placement.ts` puts it.
 */
import type { ModelSpec } from '@plimsoll/model-files/spec';
import type { PlacedTensor, Placement } from './placement.ts';
import { type RowDivision, rowSlices } from './row-slices.ts';
import { dividedModel, type TensorDivision, tensorSlices } from './tensor-slices.ts';

export type Division = RowDivision | TensorDivision;

/** Returns the function that gives the parts of a tensor on devices. */
export function slicesOf(
  division: Division,
  spec: ModelSpec,
  { tensors, cpu }: Placement,
): (tensor: PlacedTensor) => readonly PlacedTensor[] {
  const onDevices = partsOf(division, spec, tensors);
  return (tensor) => (tensor.backend === cpu ? [tensor] : onDevices(tensor));
}

function partsOf(
  division: Division,
  spec: ModelSpec,
  tensors: readonly PlacedTensor[],
): (tensor: PlacedTensor) => readonly PlacedTensor[] {
  if (division.kind === 'rows') return (tensor) => rowSlices(division, tensor);
  const model = dividedModel(spec, division, tensors);
  return (tensor) => tensorSlices(tensor, model);
}

/**
 * With divided tensors, all devices are one backend of the scheduler (ggml-backend-meta.cpp). Its index is that of the first
 * device, and the CPU keeps the index after the last.
 */
export function asOneBackend(placement: Placement, devices: number): Placement {
  const indexOf = (backend: number): number => (backend === placement.cpu ? devices : 0);
  return {
    tensors: placement.tensors.map((tensor) => ({ ...tensor, backend: indexOf(tensor.backend) })),
    layerBackends: placement.layerBackends.map(indexOf),
    outputBackend: indexOf(placement.outputBackend),
    cpu: devices,
  };
}
