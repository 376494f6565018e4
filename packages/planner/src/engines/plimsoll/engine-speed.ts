/** The predicted speed of our own engine, for plans and for the steps of a running engine. */
import type { ModelSpec } from '@plimsoll/model-files/spec';
import { type CacheGroup, cacheGroups } from '../../bytes/kv-cache.ts';
import { singleDevice } from '../../bytes/parallelism.ts';
import { elementBytes, weightFormat } from '../../bytes/weight-format.ts';
import { deviceSpeed, type PlanInput } from '../../question/plan-input.ts';
import { type SpeedModel, speedModel } from '../../speed/speed-model.ts';
import { plimsollFace } from './face.ts';
import type { EngineSettings } from './settings.ts';

/** Returns the cache groups of a model as the engine keeps them: states and convolution tails in fp32. */
export function engineCacheGroups(
  spec: ModelSpec,
  { kvFormat, keepsWholeWindow }: Pick<EngineSettings, 'kvFormat' | 'keepsWholeWindow'>,
): readonly CacheGroup[] {
  return cacheGroups(spec, {
    kvFormat,
    tensor: 1,
    layers: [0, spec.layers.length],
    recurrentElementBytes: elementBytes.fp32,
    convolutionElementBytes: elementBytes.fp32,
    keepsWholeWindowedLayers: keepsWholeWindow,
  });
}

/** Returns the speed model of the engine on a machine. */
export function engineSpeed(
  spec: ModelSpec,
  settings: Pick<EngineSettings, 'kvFormat' | 'keepsWholeWindow'>,
  machine: Pick<PlanInput, 'hardware' | 'assumptions'>,
): SpeedModel {
  return speedModel({
    spec,
    format: weightFormat(spec),
    groups: engineCacheGroups(spec, settings),
    parallelism: singleDevice,
    ...deviceSpeed({ ...machine, engine: plimsollFace.name }),
  });
}
