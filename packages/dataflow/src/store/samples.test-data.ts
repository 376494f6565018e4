/** Samples and features that the tests of this package put into stores. */
import { type Random, randomInteger, seededRandom } from '@plimsoll/foundation/random';
import type { CaptureContract } from '../contracts/capture-contract.ts';
import type { PromptTask } from '../contracts/prompt-task.ts';
import {
  type SampleDescription,
  type SampleRef,
  sampleIdOf,
  schemaVersion,
} from '../contracts/sample-ref.ts';
import type { FeatureInput, FeaturePut } from './feature-store.ts';
import { formatFileName } from './file-name.ts';

const target = { id: 'example/small-target', sha256: 'a'.repeat(64) };
const hiddenWidth = 12; // three layers of four elements
const layerIds = [1, 5, 9];

export const contract: CaptureContract = {
  runId: 'run',
  strategy: 'eagle3',
  target,
  tokenizerVersion: 'tokenizer-1',
  features: {
    hidden: { dtype: 'F32', layerIds, targetForm: null, width: hiddenWidth },
    'input-ids': { dtype: 'I32', layerIds: null, targetForm: null, width: 1 },
  },
};

export function exampleTask(planIndex: number): PromptTask {
  return {
    runId: 'run',
    taskId: `task-${planIndex}`,
    planIndex,
    sourceId: `line ${planIndex}`,
    inputIds: [1, 2, 3],
    lossMask: [0, 1, 1],
    tokensMax: 64,
    chatTemplate: null,
    target,
    tokenizerVersion: 'tokenizer-1',
    metadata: {},
  };
}

export function exampleSample(planIndex: number): SampleDescription {
  const task = exampleTask(planIndex);
  return {
    kind: 'capture',
    sampleId: sampleIdOf(task),
    runId: task.runId,
    taskId: task.taskId,
    strategy: 'eagle3',
    target,
    tokenizerVersion: task.tokenizerVersion,
    draftWeightVersion: null,
    tokenCount: 3,
    replay: null,
    metadata: { source: task.sourceId },
  };
}

/** A ref as a store returns it; nothing is stored. */
export function exampleRef(planIndex: number, generation = 1): SampleRef {
  const sample = exampleSample(planIndex);
  const features = Object.entries(contract.features).map(([name, { width, ...spec }]) => [
    name,
    { ...spec, shape: [sample.tokenCount, width] },
  ]);
  const name = formatFileName({ sampleId: sample.sampleId, generation, writer: '0'.repeat(16) });
  return {
    ...sample,
    schemaVersion,
    features: Object.fromEntries(features),
    file: { address: `file:///features/${name}`, generation, bytes: 1000, headerSha256: 'c'.repeat(64) },
  };
}

/** Features of one prompt; the same prompt has the same features, as with a frozen target. */
export function examplePut(planIndex: number, tokenCount = 3): FeaturePut {
  const random = seededRandom(planIndex);
  return {
    sample: { ...exampleSample(planIndex), tokenCount },
    features: { hidden: hidden(random, tokenCount), 'input-ids': tokenIds(random, tokenCount) },
  };
}

function hidden(random: Random, tokenCount: number): FeatureInput {
  const values = Float32Array.from({ length: tokenCount * hiddenWidth }, () => random() - 0.5);
  return {
    dtype: 'F32',
    shape: [tokenCount, hiddenWidth],
    data: new Uint8Array(values.buffer),
    layerIds,
    targetForm: null,
  };
}

function tokenIds(random: Random, tokenCount: number): FeatureInput {
  const values = Int32Array.from({ length: tokenCount }, () => randomInteger(random, 1, 1000));
  return {
    dtype: 'I32',
    shape: [tokenCount, 1],
    data: new Uint8Array(values.buffer),
    layerIds: null,
    targetForm: null,
  };
}
