/**
 * The features of a sample, as every strategy reads them:
 *
 *   input_ids          I32  [tokens, 1]
 *   loss_mask          U8   [tokens, 1]
 *   layer_states       F32 or BF16 [tokens, layers x hidden size]
 *   final_states       F32 or BF16 [tokens, hidden size]           the target's distribution is head(final_states)
 */
import {
  type CaptureContract,
  type FeatureInput,
  type PromptTask,
  type SampleRef,
  sampleIdOf,
} from '@plimsoll/dataflow';
import { assert } from '@plimsoll/foundation';
import { toBfloat16 } from '@plimsoll/foundation/half-floats';
import type { PromptStates, TargetEngine, WantedStates } from './target-engine.ts';

/** F32 keeps the states as computed. BF16 halves their bytes, and is the type that most targets compute in. */
export type StatesType = 'F32' | 'BF16';

export interface CapturePlan extends WantedStates {
  /** Name of the training algorithm. */
  readonly strategy: string;
  readonly statesType: StatesType;
}

type CapturedSample = Pick<SampleRef, Exclude<keyof SampleRef, 'schemaVersion' | 'features' | 'file'>>;

/** What a controller and a store get for one captured prompt. */
export interface SampleInput {
  readonly sample: CapturedSample;
  readonly features: Readonly<Record<string, FeatureInput>>;
}

export function sampleInput(task: PromptTask, plan: CapturePlan, states: PromptStates): SampleInput {
  const { runId, taskId, target, tokenizerVersion, inputIds, lossMask } = task;
  const tokenCount = inputIds.length;
  const features: Record<string, FeatureInput> = {
    input_ids: plain('I32', tokenCount, bytesOf(Int32Array.from(inputIds))),
    loss_mask: plain('U8', tokenCount, Uint8Array.from(lossMask)),
  };
  const { layerIds } = plan;
  if (states.layers !== null)
    features.layer_states = {
      ...stored(states.layers, tokenCount, plan.statesType),
      layerIds,
      targetForm: null,
    };
  if (states.final !== null)
    features.final_states = {
      ...{ ...stored(states.final, tokenCount, plan.statesType), layerIds: null, targetForm: 'hidden-state' },
    };
  const sample: CapturedSample = {
    ...{
      kind: 'capture',
      sampleId: sampleIdOf(task),
      runId,
      taskId,
      strategy: plan.strategy,
      target,
      tokenizerVersion,
    },
    ...{ draftWeightVersion: null, tokenCount, replay: null, metadata: { source: task.sourceId } },
  };
  return { sample, features };
}

/** What the controller of a run expects of every sample. */
export function captureContract(
  plan: CapturePlan,
  engine: Pick<TargetEngine, 'identity' | 'hiddenSize'>,
  run: Pick<CaptureContract, 'runId' | 'tokenizerVersion'>,
): CaptureContract {
  const { strategy, layerIds, hasFinal, statesType: dtype } = plan;
  const { hiddenSize } = engine;
  return {
    ...run,
    strategy,
    target: engine.identity,
    features: {
      input_ids: { dtype: 'I32', layerIds: null, targetForm: null, width: 1 },
      loss_mask: { dtype: 'U8', layerIds: null, targetForm: null, width: 1 },
      ...(layerIds.length > 0 && {
        layer_states: { dtype, layerIds, targetForm: null, width: layerIds.length * hiddenSize },
      }),
      ...(hasFinal && {
        final_states: { dtype, layerIds: null, targetForm: 'hidden-state' as const, width: hiddenSize },
      }),
    },
  };
}

function plain(dtype: 'I32' | 'U8', tokenCount: number, data: Uint8Array): FeatureInput {
  return { dtype, shape: [tokenCount, 1], data, layerIds: null, targetForm: null };
}

function stored(
  values: Float32Array,
  tokenCount: number,
  dtype: StatesType,
): Pick<FeatureInput, 'dtype' | 'shape' | 'data'> {
  assert(tokenCount > 0 && values.length % tokenCount === 0, 'states have whole rows');
  const data = bytesOf(dtype === 'F32' ? values : toBfloat16(values));
  return { dtype, shape: [tokenCount, values.length / tokenCount], data };
}

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
/** Bytes of the features of one token. */
export function featureBytesPerToken(
  { layerIds, hasFinal, statesType }: CapturePlan,
  hiddenSize: number,
): number {
  const stateCount = layerIds.length + Number(hasFinal);
  return Int32Array.BYTES_PER_ELEMENT + 1 + stateCount * hiddenSize * (statesType === 'F32' ? 4 : 2);
}
