/** The profile `none`: pure arithmetic. Weights and cache against usable memory, nothing an engine adds. */
import { bytes } from '@plimsoll/foundation';
import type { Deployment } from './deployment.ts';
import { fixedDeviceBytes } from './deployment.ts';
import { cacheGroups, sequenceBytes } from './kv-cache.ts';
import { speedModel } from './performance.ts';
import type { PlanInput } from './plan-input.ts';
import { deviceSpeed, stateElementBytes } from './plan-input.ts';
import { weightEntries } from './weight-entries.ts';
import { deviceWeights } from './weights.ts';

export function prepareWithoutEngine(input: PlanInput): Deployment {
  const { spec, hardware, parallelism, format } = input;
  const weights = deviceWeights(spec, format, parallelism);
  const fixed = weightEntries(spec, weights, format, parallelism);
  const groups = cacheGroups(spec, {
    kvFormat: input.kvFormat,
    tensor: parallelism.tensor,
    layers: weights.layers,
    ...stateElementBytes(spec, format),
  });
  const blockTokens = input.blockTokens ?? 1;
  return {
    engine: 'none',
    engineVersion: null,
    command: null,
    formats: { weights: format.label, kvCache: input.kvFormat },
    cacheIsFixed: false,
    capacityBytes: bytes(hardware.memory.usableBytes),
    fixed,
    poolBytes: hardware.memory.usableBytes - fixedDeviceBytes(fixed),
    groups,
    dataGroups: parallelism.data,
    contextMax: spec.contextLength,
    sequencesMax: Number.POSITIVE_INFINITY,
    sequencesLimit: null,
    weightBytes: weights.bytes,
    sequenceBytes: (contextTokens) => {
      let total = 0;
      for (const group of groups) total += sequenceBytes(group, contextTokens, blockTokens);
      return total;
    },
    speed: speedModel({ spec, format, groups, parallelism, ...deviceSpeed(input) }),
    printed: null,
    notes: [],
  };
}
