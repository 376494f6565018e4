/**
 * Places each tensor of a file: devices take contiguous runs of layers, the embedding stays with the CPU, the head goes to
 * the device of the layer after the last, and a tied head is loaded a second time (llama-model.cpp, load_tensors;
 * llama-model-loader.cpp, create_tensor).
 */
import type { StoredTensor } from '../../gguf-recipes/gguf-spec.ts';

export interface PlacementOptions {
  readonly tensors: readonly StoredTensor[];
  readonly layers: number;
  /** Layers that are loaded. Later blocks of the file are prediction layers: `-ngl` counts them, the engine skips them. */
  readonly loadedLayers: number;
  readonly tied: boolean;
  /** Accelerators; 0 for a machine without one. */
  readonly devices: number;
  /** Share of the layers per device, in any unit: `--tensor-split`, or free memory. Undefined means equal shares. */
  readonly deviceShares?: readonly number[];
  /** `-ngl`: the number of layers, head included, that go to devices, counted from the end. */
  readonly gpuLayers: number;
  /** True if `-ngl` counts the head first; older builds count it last. */
  readonly headFirst: boolean;
  /** `--override-tensor`: the first pattern that a name contains decides the backend of the tensor. */
  readonly overrides: readonly PlacedPattern[];
  /** `--n-cpu-moe`: number of layers, from the first, whose experts stay with the CPU. */
  readonly cpuExpertLayers: number;
}

export interface PlacedPattern {
  readonly pattern: string;
  readonly backend: number;
}

export interface PlacedTensor extends StoredTensor {
  /** Index of the device, or the number of devices for the CPU. */
  readonly backend: number;
  /** Position in the file; a tied head has that of the embedding. */
  readonly position: number;
  /** False for tensors of the file that the engine does not load. */
  readonly loaded: boolean;
}

export interface Placement {
  readonly tensors: readonly PlacedTensor[];
  /** Backend of each layer and of its cache. */
  readonly layerBackends: readonly number[];
  readonly outputBackend: number;
  readonly cpu: number;
}

export function placeTensors(options: PlacementOptions): Placement {
  const { layers, devices, tensors } = options;
  const cpu = devices;
  const layerBackends = Array.from({ length: layers }, (_, layer) => layerBackend(layer, options));
  const outputBackend = layerBackend(layers, options);
  const patterns = options.overrides.map(({ pattern, backend }) => ({ test: new RegExp(pattern), backend }));
  const backendOf = (tensor: StoredTensor): number => {
    const override = patterns.find(({ test }) => test.test(tensor.name));
    if (override !== undefined) return override.backend;
    if (isExpertTensor(tensor.name) && (tensor.layer ?? 0) < options.cpuExpertLayers) return cpu;
    if (tensor.layer !== null) return layerBackends[tensor.layer] ?? cpu;
    return isInputTensor(tensor.name) ? cpu : outputBackend;
  };
  const placed = tensors.map(
    (tensor, position): PlacedTensor => ({
      ...tensor,
      backend: backendOf(tensor),
      position,
      loaded: (tensor.layer ?? 0) < options.loadedLayers,
    }),
  );
  const embedding = placed.find((tensor) => tensor.name === 'token_embd.weight');
  if (options.tied && embedding !== undefined) {
    placed.push({ ...embedding, name: 'output.weight', backend: outputBackend });
  }
  return { tensors: placed, layerBackends, outputBackend, cpu };
}

function layerBackend(layer: number, options: PlacementOptions): number {
  const { layers, devices } = options;
  const gpuLayers = Math.min(options.gpuLayers, layers + 1);
  const first = Math.max((options.headFirst ? layers + 1 : layers) - options.gpuLayers, 0);
  if (devices === 0 || layer < first || layer - first >= gpuLayers) return devices;
  const shares = options.deviceShares ?? new Array<number>(devices).fill(1);
  const total = shares.reduce((sum, share) => sum + share, 0);
  const position = (layer - first) / gpuLayers;
  let reached = 0;
  for (let device = 0; device < devices; device++) {
    reached += (shares[device] ?? 0) / total;
    // The engine compares 32-bit floats; a layer on a boundary that is equal in 32 bits goes to the next device.
    if (Math.fround(reached) > Math.fround(position)) return device;
  }
  return devices - 1;
}

export function isExpertTensor(name: string): boolean {
  return /ffn_(up|down|gate|gate_up)_exps/.test(name);
}

/** True for tables that the graph reads by row, which stay with the CPU. */
export function isInputTensor(name: string): boolean {
  return /^(token_embd|position_embd|token_types|token_embd_norm|per_layer_token_embd)/.test(name);
}
