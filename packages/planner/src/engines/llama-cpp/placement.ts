/**
 * Where llama.cpp puts each tensor of a file: layers go to devices in contiguous runs, the embedding stays with the CPU,
 * the head goes where the layer behind the last one would go, and a tied head is loaded a second time for it
 * (llama-model.cpp, load_tensors; llama-model-loader.cpp, create_tensor).
 */
import type { StoredTensor } from '../../gguf-recipes/gguf-spec.ts';

export interface PlacementOptions {
  readonly tensors: readonly StoredTensor[];
  readonly layers: number;
  /** Blocks of the file behind these are prediction layers: counted by `-ngl`, but not loaded. */
  readonly loadedLayers: number;
  readonly tied: boolean;
  /** Accelerators; 0 for a machine without one. */
  readonly devices: number;
  /** Share of the layers each device gets, in any unit: `--tensor-split`, or free memory. Equal when absent. */
  readonly deviceShares?: readonly number[];
  /** `-ngl`: how many of layers + head go to devices, counted from the end. */
  readonly gpuLayers: number;
  /** The head is the first of them; before, it was the last, after all layers. */
  readonly headFirst: boolean;
  /** `--n-cpu-moe`: the experts of this many layers, from the first, stay with the CPU. */
  readonly cpuExpertLayers: number;
}

export interface PlacedTensor extends StoredTensor {
  /** Index of the device, or the number of devices for the CPU. */
  readonly backend: number;
  /** Position in the file; a tied head has that of the embedding. */
  readonly position: number;
  /** False for tensors that only take room in the file. */
  readonly loaded: boolean;
}

export interface Placement {
  readonly tensors: readonly PlacedTensor[];
  /** Backend of each layer, where its cache is too. */
  readonly layerBackends: readonly number[];
  readonly outputBackend: number;
  readonly cpu: number;
}

export function placeTensors(options: PlacementOptions): Placement {
  const { layers, devices, tensors } = options;
  const cpu = devices;
  const layerBackends = Array.from({ length: layers }, (_, layer) => layerBackend(layer, options));
  const outputBackend = layerBackend(layers, options);
  const backendOf = (tensor: StoredTensor): number => {
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
    // The engine compares 32-bit floats; a boundary that is equal in them belongs to the next device.
    if (Math.fround(reached) > Math.fround(position)) return device;
  }
  return devices - 1;
}

export function isExpertTensor(name: string): boolean {
  return /ffn_(up|down|gate|gate_up)_exps/.test(name);
}

function isInputTensor(name: string): boolean {
  return /^(token_embd|position_embd|token_types|token_embd_norm|per_layer_token_embd)/.test(name);
}
