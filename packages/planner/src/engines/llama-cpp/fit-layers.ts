/**
 * `-ngl auto`: the most layers that fit. It is modelled on llama.cpp's own fitting (common/fit.cpp, `--fit`): memory is
 * projected without allocating, a margin stays free on every device, and layers are put on devices from the last one
 * backwards. Not modelled: its reduction of the context before that, and its moving of experts layer by layer.
 */
import { GiB } from '@plimsoll/foundation';
import { type EngineMemory, engineMemory } from './engine-memory.ts';
import type { LlamaCppInput } from './engine-options.ts';

/** What `--fit` leaves free on a device (`--fit-target`, 1024 MiB). */
const fitMarginBytes = GiB;

export interface LayerFit {
  /** Layers and head on devices: what to pass as `-ngl`. */
  readonly gpuLayers: number;
  readonly memory: EngineMemory;
}

export interface FitDevices {
  /** Free bytes of each device. */
  readonly freeBytes: readonly number[];
  readonly marginBytes?: number;
}

/** Bisects: what fits shrinks with every further layer. With not one layer fitting the answer is 0. */
export function fitGpuLayers(input: LlamaCppInput, devices: FitDevices): LayerFit {
  const margin = devices.marginBytes ?? fitMarginBytes;
  const withLayers = (gpuLayers: number): EngineMemory =>
    engineMemory({ ...input, devices: devices.freeBytes.length, deviceShares: devices.freeBytes, gpuLayers });
  const fits = (memory: EngineMemory): boolean =>
    memory.devices.every((part, index) => {
      const needed = part.weights + part.cache + part.state + part.compute;
      return needed + margin <= (devices.freeBytes[index] ?? 0);
    });
  let fitting = 0;
  let tooMany = input.spec.layers.length + input.spec.predictionLayers.length + 2;
  while (tooMany - fitting > 1) {
    const middle = Math.floor((fitting + tooMany) / 2);
    if (fits(withLayers(middle))) fitting = middle;
    else tooMany = middle;
  }
  return { gpuLayers: fitting, memory: withLayers(fitting) };
}
