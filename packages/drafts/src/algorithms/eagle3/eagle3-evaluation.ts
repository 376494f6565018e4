/** The accepted length that training promises for a finished draft: accuracies on answers of the target, as the trainer counts. */

import { defined, PlimsollError } from '@plimsoll/foundation';
import { createTrainingArena } from '@plimsoll/training';
import { evaluate, type RunMetrics } from '@plimsoll/training/trainer';
import type { TargetEngine } from '../../targets/target-engine.ts';
import type { Feature, Features } from '../feature-values.ts';
import { fillFrozenWeights } from '../initial-weights.ts';
import type { TargetTables } from '../target-tables.ts';
import { type Eagle3Draft, putWeights } from './eagle3-draft.ts';
import { Eagle3Strategy } from './eagle3-strategy.ts';

/** A prompt and the target's answer to it. */
export interface AnsweredPrompt {
  readonly prompt: readonly number[];
  readonly answer: readonly number[];
}

export interface Eagle3Simulation {
  readonly draft: Eagle3Draft;
  readonly target: TargetEngine;
  readonly tables: TargetTables;
  readonly answered: readonly AnsweredPrompt[];
  /** Tokens that the draft proposes in a pass. */
  readonly draftTokens: number;
  readonly threads: number;
  readonly signal?: AbortSignal;
}

/** Returns null if no answer has a token to guess. Throws errors of the draft and what the target's capture throws. */
export async function simulateEagle3(simulation: Eagle3Simulation): Promise<RunMetrics | null> {
  const { draft, tables, answered, draftTokens, threads } = simulation;
  // The first token of an answer has no guess, because the target computes it with the prompt.
  const samples = answered.filter(({ answer }) => answer.length > 1);
  const longest = Math.max(0, ...samples.map(({ prompt, answer }) => prompt.length + answer.length));
  if (longest === 0) return null;
  const strategy = new Eagle3Strategy({
    config: draft.config,
    training: { tttLength: draftTokens, stepDecay: 1, loss: { kind: 'kl' } },
    vocabulary: draft.vocabulary,
    sequences: 1,
    lengths: [Math.ceil(longest / 4), Math.ceil(longest / 2), longest],
  });
  const arena = await createTrainingArena(strategy.plan, strategy.parameters, threads);
  try {
    fillFrozenWeights(strategy, arena, tables);
    putWeights(draft, arena, draft.config);
    return await evaluate(arena, strategy, batches(simulation, samples));
  } finally {
    await arena.close();
  }
}

async function* batches(
  simulation: Eagle3Simulation,
  samples: readonly AnsweredPrompt[],
): AsyncGenerator<Features, void, void> {
  const { draft, target, signal } = simulation;
  for (const answered of samples)
    yield await answerBatch({ target, layerIds: draft.layerIds }, answered, signal);
}

/** Captures the states of a prompt with its answer, as a batch of one sample whose loss counts the answer. */
export async function answerBatch(
  { target, layerIds }: { readonly target: TargetEngine; readonly layerIds: readonly number[] },
  { prompt, answer }: AnsweredPrompt,
  signal?: AbortSignal,
): Promise<Features> {
  const ids = [...prompt, ...answer];
  const [outcome] = await target.capture([ids], { layerIds, hasFinal: true }, signal);
  const captured = defined(outcome, 'every prompt has an outcome');
  if (captured.kind === 'failed') throw captureFailed(captured.reason);
  const { layers, final } = captured.states;
  const mask = Uint8Array.from(ids, (_, index) => Number(index >= prompt.length));
  return {
    refs: [{ taskId: 'answer', tokenCount: ids.length }],
    tensors: {
      input_ids: feature('I32', ids.length, Int32Array.from(ids)),
      loss_mask: feature('U8', ids.length, mask),
      layer_states: feature('F32', ids.length, defined(layers ?? undefined, 'layers are captured')),
      final_states: feature('F32', ids.length, defined(final ?? undefined, 'final states are captured')),
    },
  };
}

function captureFailed(reason: string): PlimsollError {
  return new PlimsollError({
    code: 'capture-failed',
    message: `the target computes no states of an answer: ${reason}`,
    value: reason,
    hint: 'evaluate shorter answers, or give the target more memory',
  });
}

function feature(
  dtype: 'I32' | 'U8' | 'F32',
  tokens: number,
  values: Int32Array | Uint8Array | Float32Array,
): Feature {
  const data = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  return { dtype, shape: [1, tokens, values.length / tokens], data };
}
