/**
 * Fills the devices with layers as `--fit` does (common/fit.cpp, common_params_fit_impl, steps 3 and 4). The devices
 * get layers from the last device backwards; layers with experts leave their experts with the CPU at first. If every
 * dense part fits, experts move to the devices from the front, and a part of one more layer fills the rest.
 */
import { defined } from '@plimsoll/foundation';
import type { EngineMemory } from './engine-memory.ts';
import type { LlamaCppInput } from './engine-options.ts';
import type { PlacedPattern } from './placement.ts';

/** The layers of one device: `partial` of them leave tensors elsewhere. */
interface DeviceLayers {
  readonly layers: number;
  readonly partial: number;
  /** The part of the first partial layer that the device holds; later partial layers leave only their experts. */
  readonly holds: LayerPart;
  /** Backend that takes the rest of the first partial layer. */
  readonly overflow: number;
}

/** Parts of a layer that a device holds: attention, with `up` too, with `gate` too, or everything but the experts. */
type LayerPart = 'attention' | 'up' | 'gate' | 'dense';

/** Names of the tensors that the device does not hold. */
const restOf: Readonly<Record<LayerPart, string>> = {
  attention: 'ffn_(gate|up|gate_up|down).*',
  up: 'ffn_(gate|gate_up|down).*',
  gate: 'ffn_down.*',
  dense: 'ffn_(up|down|gate_up|gate)_(ch|)exps',
};

export type LayerFit = Required<Pick<LlamaCppInput, 'gpuLayers' | 'deviceShares' | 'overrides'>>;

export interface FitQuestion {
  /** Number of layers of the model, without the head. */
  readonly blocks: number;
  readonly hasExperts: boolean;
  /** Bytes that each device may hold. */
  readonly targetBytes: readonly number[];
  /** Bytes that the engine counts on each device. */
  readonly measure: (placed: LayerFit) => readonly number[];
  /** Bytes over all targets with the experts of all layers in host memory; not above 0 means that dense parts overflow. */
  readonly denseSurplusBytes: number;
}

export function fitLayers(question: FitQuestion): LayerFit {
  return new LayerFitter(question).fit();
}

/** Bytes that the engine counts on each device: weights, caches and compute buffer. */
export function deviceBytes({ devices }: EngineMemory): readonly number[] {
  return devices.map(({ weights, cache, state, compute }) => weights + cache + state + compute);
}

/** A distribution with its measured bytes. */
interface Measured {
  readonly counts: readonly DeviceLayers[];
  readonly usedBytes: readonly number[];
  /** First device with layers whose experts are elsewhere. */
  readonly firstDense: number;
}

/** How a search changes a distribution, and the count that it changes. */
interface Steps {
  readonly moved: (low: Measured, step: number) => Measured;
  readonly sizeOf: (tried: Measured) => number;
}

class LayerFitter {
  readonly #question: FitQuestion;
  readonly #devices: number;

  constructor(question: FitQuestion) {
    this.#question = question;
    this.#devices = question.targetBytes.length;
  }

  fit(): LayerFit {
    const cpu = this.#devices;
    const empty: DeviceLayers = { layers: 0, partial: 0, holds: 'dense', overflow: cpu };
    let best = this.#measured(new Array<DeviceLayers>(this.#devices).fill(empty), 0);
    for (let device = this.#devices - 1; device >= 0; device--) best = this.#fillBackwards(best, device);
    const { hasExperts, denseSurplusBytes } = this.#question;
    if (!hasExperts || denseSurplusBytes <= 0) return this.#placed(best.counts);
    best = { ...best, firstDense: best.counts.findLastIndex(({ layers }) => layers === 0) + 1 };
    for (let device = 0; device < this.#devices && device <= best.firstDense; device++) {
      best = this.#addPart(this.#fillForwards(best, device), device);
    }
    return this.#placed(best.counts);
  }

  /** Step 3: gives a device as many of the free layers as fit, without their experts. */
  #fillBackwards(start: Measured, device: number): Measured {
    const { blocks, hasExperts } = this.#question;
    const isLast = device === this.#devices - 1;
    const taken = start.counts.slice(device + 1).reduce((sum, { layers }) => sum + layers, 0);
    const free = blocks + 1 - taken;
    if (free === 0) return start;
    const sized = (layers: number, partial: number): Measured =>
      this.#measured(replaced(start.counts, device, { layers, partial }), 0);
    const high = sized(free, hasExperts ? free - (isLast ? 1 : 0) : 0);
    const moved = ({ counts }: Measured, step: number): Measured => {
      const { layers, partial } = defined(counts[device], 'a device');
      // The first layer of the last device is the head, which is never partial.
      const more = isLast && partial === 0 ? step - 1 : step;
      return sized(layers + step, hasExperts ? partial + more : 0);
    };
    const sizeOf = ({ counts }: Measured): number => counts[device]?.layers ?? 0;
    return this.#search(device, { low: start, high }, { moved, sizeOf });
  }

  /** Step 4: moves whole layers to a device from the front of the layers that lack their experts. */
  #fillForwards(start: Measured, device: number): Measured {
    const last = this.#devices - 1;
    let all = start.counts;
    for (let donor = start.firstDense; donor < this.#devices; donor++) {
      const { layers } = defined(all[donor], 'a donor');
      const moved = donor < last ? layers : layers - 1;
      const given = defined(all[device], 'a device').layers;
      all = replaced(all, device, { layers: given + moved });
      const left = defined(all[donor], 'a donor').layers;
      all = replaced(all, donor, { layers: left - moved, partial: 0 });
    }
    const high = this.#measured(all, last);
    const moved = (low: Measured, step: number): Measured => this.#converted(low, device, step);
    return this.#search(
      device,
      { low: start, high },
      { moved, sizeOf: (tried) => wholeLayers(tried, device) },
    );
  }

  /** Converts the next `count` partial layers to whole layers of the device. */
  #converted({ counts: from, firstDense: first }: Measured, device: number, count: number): Measured {
    let counts = from;
    let firstDense = first;
    let left = count;
    for (; firstDense < this.#devices; firstDense++) {
      const donor = defined(counts[firstDense], 'a donor');
      const moved = Math.min(left, donor.partial);
      counts = replaced(counts, firstDense, { layers: donor.layers - moved, partial: donor.partial - moved });
      const { layers } = defined(counts[device], 'a device');
      counts = replaced(counts, device, { layers: layers + moved });
      left -= moved;
      if ((counts[firstDense]?.partial ?? 0) > 0) break;
    }
    return this.#measured(counts, firstDense);
  }

  /** Adds the largest fitting part of one more layer. */
  #addPart(best: Measured, device: number): Measured {
    const last = this.#devices - 1;
    const donor = best.counts[best.firstDense];
    if (donor === undefined || donor.layers <= (device < last ? 0 : 1)) return best;
    const attempt = (holds: LayerPart, overflow: number): Measured | null => {
      const less = { layers: donor.layers - 1, partial: donor.partial - 1 };
      const given = replaced(best.counts, best.firstDense, less);
      const { layers, partial } = defined(given[device], 'a device');
      const more = { layers: layers + 1, partial: partial + 1, holds, overflow };
      const firstDense = best.firstDense + (less.partial === 0 ? 1 : 0);
      const tried = this.#measured(replaced(given, device, more), firstDense);
      const isInside = (index: number): boolean =>
        index > last || (tried.usedBytes[index] ?? 0) < (this.#question.targetBytes[index] ?? 0);
      return isInside(device) && isInside(device + 1) ? tried : null;
    };
    const next = device + 1;
    const withUp = attempt('up', next);
    if (withUp === null) return attempt('attention', next) ?? best;
    return attempt('gate', next) ?? withUp;
  }

  /** The method of false position over the layers of one device; ends with the last distribution that fits. */
  #search(
    device: number,
    { low: start, high: end }: { readonly low: Measured; readonly high: Measured },
    { moved, sizeOf }: Steps,
  ): Measured {
    const target = this.#question.targetBytes[device] ?? 0;
    const bytesOf = ({ usedBytes }: Measured): number => usedBytes[device] ?? 0;
    if (bytesOf(end) <= target) return end;
    let [low, high] = [start, end];
    let delta = sizeOf(high) - sizeOf(low);
    while (delta > 1) {
      const guess = Math.trunc((delta * (target - bytesOf(low))) / (bytesOf(high) - bytesOf(low)));
      const tried = moved(low, Math.min(Math.max(guess, 1), delta - 1));
      if (bytesOf(tried) <= target) low = tried;
      else high = tried;
      delta = sizeOf(high) - sizeOf(low);
    }
    return low;
  }

  #measured(counts: readonly DeviceLayers[], firstDense: number): Measured {
    return { counts, usedBytes: this.#question.measure(this.#placed(counts)), firstDense };
  }

  #placed(counts: readonly DeviceLayers[]): LayerFit {
    const gpuLayers = counts.reduce((sum, { layers }) => sum + layers, 0);
    const overrides: PlacedPattern[] = [];
    let layer = this.#question.blocks + 1 - gpuLayers;
    for (const { layers, partial, holds, overflow } of counts) {
      layer += layers - partial;
      for (let index = 0; index < partial; index++, layer++) {
        const part = index === 0 ? holds : 'dense';
        const backend = index === 0 ? overflow : this.#devices;
        overrides.push({ pattern: `blk\\.${layer}\\.${restOf[part]}`, backend });
      }
    }
    return { gpuLayers, deviceShares: counts.map(({ layers }) => layers), overrides };
  }
}

function replaced(
  counts: readonly DeviceLayers[],
  device: number,
  change: Partial<DeviceLayers>,
): readonly DeviceLayers[] {
  return counts.map((own, index) => (index === device ? { ...own, ...change } : own));
}

function wholeLayers({ counts }: Measured, device: number): number {
  const { layers, partial } = defined(counts[device], 'a device');
  return layers - partial;
}
