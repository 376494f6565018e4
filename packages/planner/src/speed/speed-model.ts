/**
 * First-order speed: how long one prefill and one decode step take, from bytes that must be moved and operations that
 * must be done. Grown from the two-phase model of mlsysim's ServingModel, with these differences:
 *
 * - matrix multiplication and attention are two phases, each bound by its own reads or its own operations;
 * - weights and KV cache have their own precision, reads and operations their own efficiency;
 * - a mixture of experts computes with the experts a token is routed to and reads the experts a batch touches;
 * - the input embedding is looked up, not multiplied, and the head runs on the last prompt token only;
 * - prefill attention is causal (half the square), stops at a layer's window, and expands latents (MLA) into heads;
 * - head_dim is the model's own; tensor parallelism pays two all-reduces a layer, each with a latency and a size;
 * - a step has host work of its own, and a little per sequence; one step may mix decodes and prompts (step-time.ts).
 *
 * Not modelled: contention between overlapping steps, kernel choice by shape, clocks under a power limit.
 */
import type { CacheGroup } from '../bytes/kv-cache.ts';
import { modelWork } from './model-work.ts';
import { addEntry, emptyLoad, type LoadEntry, type MutableLoad, setDecode, setPrefill } from './step-load.ts';
import { type StepTimeInput, stepTime } from './step-time.ts';

/** Everything about a model on a device that does not depend on users or context. */
export interface SpeedModel {
  /**
   * Seconds until the first token of one prompt on an idle replica; of the last of `prompts` alike when they run as one
   * batch. `cachedTokens` were found in a prefix cache.
   */
  prefillSeconds(promptTokens: number, cachedTokens?: number, prompts?: number): number;
  /** Seconds of one decode step in which every user gets one token, with `context` tokens cached for each. */
  decodeSeconds(users: number, context: number): number;
  /** Seconds of one step of these entries, which may mix decodes and prompt chunks; without data parallelism. */
  stepSeconds(entries: readonly LoadEntry[]): number;
  /** What bounds a decode step: the larger sum of its reads and its operations. */
  decodeBound(users: number, context: number): 'memory' | 'compute';
}

export interface SpeedInput extends StepTimeInput {
  readonly groups: readonly CacheGroup[];
}

export function speedModel(input: SpeedInput): SpeedModel {
  const { data, pipeline } = input.parallelism;
  const work = modelWork(input.spec, input.format, input.parallelism, input.groups);
  const step = stepTime(work, input);
  // The stages of a pipeline work on as many microbatches at once; a user's token passes through all of them.
  const inFlight = (users: number): number => (users > pipeline ? users / pipeline : 1);
  const pipelined = pipelineShare(pipeline, input.assumptions.chunkTokens ?? Number.POSITIVE_INFINITY);
  // Filled by every question: sweeps ask millions of them a second.
  const load: MutableLoad = { ...emptyLoad };
  return {
    decodeSeconds: (users, context) =>
      step.seconds(setDecode(load, work, { users: inFlight(users), context, data })),
    decodeBound: (users, context) =>
      step.bound(setDecode(load, work, { users: inFlight(users), context, data })),
    stepSeconds: (entries) =>
      step.seconds(entries.reduce((sum, entry) => addEntry(sum, work, entry), emptyLoad)),
    prefillSeconds(promptTokens, cachedTokens = 0, prompts = 1) {
      setPrefill(load, work, { promptTokens, cachedTokens, prompts, data });
      return pipelined(load.tokens) * step.layerSeconds(load) + step.overheadSeconds(load);
    },
  };
}

/** Share of a prompt's whole way that it takes: n chunks pass p stages in n + p - 1 turns of a p-th of a chunk's way. */
function pipelineShare(stages: number, chunkTokens: number): (tokens: number) => number {
  if (stages === 1) return () => 1;
  return (tokens) => {
    const chunks = Math.ceil(tokens / chunkTokens);
    return (chunks + stages - 1) / (chunks * stages);
  };
}
