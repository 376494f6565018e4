/** The profile `none`: pure arithmetic. Weights and cache against usable memory, nothing an engine adds. */
import { bytes } from '@plimsoll/foundation';
import { cacheGroups, sequenceBytes } from '../../bytes/kv-cache.ts';
import { weightEntries } from '../../bytes/weight-entries.ts';
import { deviceWeights } from '../../bytes/weights.ts';
import type { Deployment } from '../../deployment/deployment.ts';
import { fixedDeviceBytes } from '../../deployment/deployment.ts';
import type { PlanInput } from '../../question/plan-input.ts';
import { deviceSpeed, stateElementBytes } from '../../question/plan-input.ts';
import { speedModel } from '../../speed/performance.ts';

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
