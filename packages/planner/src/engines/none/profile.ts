/** The profile `none`: plain arithmetic of weights and cache in the usable memory, without the bytes of any engine. */
import { bytes } from '@plimsoll/foundation';
import { cacheGroups, sequenceBytes } from '../../bytes/kv-cache.ts';
import { checkParallelism } from '../../bytes/parallelism.ts';
import { weightEntries } from '../../bytes/weight-entries.ts';
import { weightFormatNames } from '../../bytes/weight-format.ts';
import { deviceWeights } from '../../bytes/weights.ts';
import { type Deployment, fixedDeviceBytes } from '../../deployment/deployment.ts';
import { deviceSpeed, type PlanInput, stateElementBytes } from '../../question/plan-input.ts';
import { questionFormats } from '../../question/question.ts';
import { speedModel } from '../../speed/speed-model.ts';
import { checkpointChanges } from '../contract/checkpoint-changes.ts';
import { type EngineProfile, refusalOf } from '../contract/engine-profile.ts';
import { startIfFits } from '../contract/start-check.ts';
import { noEngineFace } from './face.ts';

export const noEngine: EngineProfile<object, 'none'> = {
  ...noEngineFace,
  weightFormats: weightFormatNames,
  prepare: (question) => {
    checkParallelism(question.parallelism, question.spec);
    const { weights, kv } = questionFormats(question);
    return prepareWithoutEngine({ ...question, format: weights, kvFormat: kv });
  },
  refusal: (question) => refusalOf(() => noEngine.prepare(question)),
  start: (question, current) => startIfFits(noEngine, question, current),
  changes: (question, current) => checkpointChanges(noEngine, question, current),
  flagsForUsers: () => '',
};

/** Prepares weights and cache in the usable memory of one device. */
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
    engine: noEngineFace.name,
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
    stepTokensMax: Number.POSITIVE_INFINITY,
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
