/**
 * First-order speed: the time of a prefill and of a decode step, from the bytes to move and the operations to compute.
 * The model grew from the two-phase model of mlsysim's ServingModel, with these differences:
 *
 * - matrix multiplication and attention are two phases, each bound by its own reads or its own operations;
 * - weights and KV cache have their own precision, reads and operations their own efficiency;
 * - a mixture of experts computes with the experts a token is routed to and reads the experts a batch touches;
 * - the input embedding is looked up, not multiplied, and the head runs on the last prompt token only;
 * - prefill attention is causal (half the square), stops at a layer's window, and expands latents (MLA) into heads;
 * - head_dim is the model's own; tensor parallelism pays two all-reduces a layer, each with a latency and a size;
 * - a step has fixed host work, and a little per sequence; one step may mix decodes and prompts (step-time.ts).
 *
 * Not modelled: contention between overlapping steps, kernel choice by shape, clocks under a power limit.
 */
import type { CacheGroup } from '../bytes/kv-cache.ts';
import type { SpeedAssumptions } from './assumptions.ts';
import { modelWork } from './model-work.ts';
import { type PipelineSteps, pipelineSteps } from './pipeline-steps.ts';
import { emptyLoad, include, type LoadEntry, type MutableLoad, setDecode, setPrefill } from './step-load.ts';
import { type StepTimeInput, stepTime } from './step-time.ts';

/** Everything about a model on a device that does not depend on users or context. */
export interface SpeedModel {
  /** Efficiencies and overheads that the times follow from. */
  readonly assumptions: SpeedAssumptions;
  /**
   * Seconds until the first token of a prompt on an idle replica, or of the last of `prompts` equal prompts that run as
   * one batch. A prefix cache holds the first `cachedTokens` tokens of each prompt.
   */
  prefillSeconds(promptTokens: number, cachedTokens?: number, prompts?: number): number;
  /** Seconds of one decode step that gives every user a token, with `context` cached tokens per user. */
  decodeSeconds(users: number, context: number): number;
  /** Seconds of one step of these entries, which may mix decodes and prompt chunks; without data parallelism. */
  stepSeconds(entries: readonly LoadEntry[]): number;
  /**
   * Seconds of one step of several data groups, which meet at the shared experts: the step of the slowest group. Equals
   * `stepSeconds` for one group.
   */
  groupedStepSeconds(groups: readonly (readonly LoadEntry[])[]): number;
  readonly pipeline: PipelineSteps;
  /** The bound of a decode step: `memory` if its reads take at least as long as its operations. */
  decodeBound(users: number, context: number): 'memory' | 'compute';
}

export interface SpeedInput extends StepTimeInput {
  readonly groups: readonly CacheGroup[];
}

/** Prepares the speed model of a model on its devices. */
export function speedModel(input: SpeedInput): SpeedModel {
  const { data, pipeline } = input.parallelism;
  const work = modelWork(input.spec, input.format, input.parallelism, {
    groups: input.groups,
    sparseHeads: input.assumptions.sparseHeads,
  });
  const step = stepTime(work, input);
  // Each stage of a pipeline works on its own microbatch; a user's token passes through all stages.
  const inFlight = (users: number): number => (users > pipeline ? users / pipeline : 1);
  const pipelined = pipelineShare(pipeline, input.assumptions.chunkTokens ?? Number.POSITIVE_INFINITY);
  // Every call overwrites this load, because sweeps make millions of calls a second.
  const load: MutableLoad = { ...emptyLoad };
  const stepSeconds = (entries: readonly LoadEntry[]): number => {
    Object.assign(load, emptyLoad);
    for (const entry of entries) include(load, work, entry);
    return step.seconds(load);
  };
  return {
    assumptions: input.assumptions,
    pipeline: pipelineSteps(input),
    decodeSeconds: (users, context) =>
      step.seconds(setDecode(load, work, { users: inFlight(users), context, data })),
    decodeBound: (users, context) =>
      step.bound(setDecode(load, work, { users: inFlight(users), context, data })),
    stepSeconds,
    groupedStepSeconds(groups) {
      const [first = []] = groups;
      if (groups.length <= 1) return stepSeconds(first);
      const tokens = groups.reduce((sum, entries) => sum + tokensOf(entries), 0);
      const sequences = groups.reduce((sum, entries) => sum + entries.length, 0);
      let slowest = 0;
      for (const entries of groups) {
        Object.assign(load, emptyLoad);
        for (const entry of entries) include(load, work, entry);
        load.expertTokens = tokens;
        load.sequences = sequences;
        slowest = Math.max(slowest, step.seconds(load));
      }
      return slowest;
    },
    prefillSeconds(promptTokens, cachedTokens = 0, prompts = 1) {
      setPrefill(load, work, { promptTokens, cachedTokens, prompts, data });
      return pipelined(load.tokens) * step.layerSeconds(load) + step.overheadSeconds(load);
    },
  };
}

function tokensOf(entries: readonly LoadEntry[]): number {
  let tokens = 0;
  for (const { count } of entries) tokens += count;
  return tokens;
}

/**
 * Returns the time of a pipelined prefill over the time without overlap: n chunks pass p stages in n + p - 1 turns,
 * each 1 / (n p) of the time without overlap.
 */
function pipelineShare(stages: number, chunkTokens: number): (tokens: number) => number {
  if (stages === 1) return () => 1;
  return (tokens) => {
    const chunks = Math.ceil(tokens / chunkTokens);
    return (chunks + stages - 1) / (chunks * stages);
  };
}
