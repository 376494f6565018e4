/**
 * Plans every replica that users can get: devices x counts of a node x tensor parallelism x weights x cache types. A
 * search over replicas and loads starts from this list; the bounds of a ranking exclude candidates without a plan.
 */
import type { Deployment } from '../deployment/deployment.ts';
import { checkpointBits, formatBits } from '../engines/contract/checkpoint-changes.ts';
import { nodeDevices } from '../engines/contract/layouts.ts';
import { engineFace, type PlanRequest } from '../engines/engine-list.ts';
import { type CountGroup, outcomesOf, started } from './count-group.ts';
import { enginesOf, unfitBecause, usualCounts } from './rank.ts';
import type { RankQuestion } from './rank-question.ts';
import type { WeightChoice } from './weight-choices.ts';

export interface ReplicaCandidate {
  readonly request: PlanRequest;
  readonly deployment: Deployment;
  /** Id of the checkpoint. */
  readonly checkpoint: string;
  /** 0 for the most bits; grows with the bits that weights lose, and then with those of the cache. */
  readonly quality: number;
}

export interface ReplicaCandidates {
  readonly candidates: readonly ReplicaCandidate[];
  /** Number of candidates, those included that do not fit or that the engine does not start. */
  readonly considered: number;
  readonly leftOut: readonly { readonly hardware: string; readonly reason: string }[];
}

/** The question has one user: how many a replica serves at once is the answer of a simulation. */
export function replicaCandidates(
  question: RankQuestion,
  onDevice?: (done: number, total: number) => void,
): ReplicaCandidates {
  const leftOut: ReplicaCandidates['leftOut'][number][] = [];
  const candidates: ReplicaCandidate[] = [];
  let considered = 0;
  for (const [index, device] of question.devices.entries()) {
    const reason = unfitBecause(device);
    if (reason !== null) leftOut.push({ hardware: device.id, reason });
    else {
      const found = deviceCandidates(question, device);
      candidates.push(...found.candidates);
      considered += found.considered;
    }
    onDevice?.(index + 1, question.devices.length);
  }
  return { candidates, considered, leftOut };
}

/** Bits of plain weights. */
const widestBits = 16;

function bitsOf({ spec, format }: WeightChoice): number {
  return format === null ? checkpointBits(spec) : formatBits(format);
}

function deviceCandidates(
  question: RankQuestion,
  device: PlanRequest['hardware'],
): Pick<ReplicaCandidates, 'candidates' | 'considered'> {
  const [engine] = enginesOf(question, device);
  // The simulator has no pipeline stages and no data groups.
  const counts = engineFace(engine).split === 'tensors' ? usualCounts(device, engine) : [1];
  const caches = question.kvFormat === undefined ? (['own', 'narrow'] as const) : (['own'] as const);
  const candidates: ReplicaCandidate[] = [];
  let considered = 0;
  for (const count of counts.filter((size) => size <= nodeDevices)) {
    const group: CountGroup = {
      ...{ question, device, count, engine, prunes: true },
      admits: ({ pipeline, data }) => pipeline === 1 && data === 1,
    };
    for (const [cacheRank, cache] of caches.entries()) {
      const outcomes = outcomesOf(group, cache);
      considered += outcomes.length;
      for (const outcome of outcomes) {
        const { planned, loss } = started(group, outcome);
        if (planned === null || loss !== null) continue;
        const { request, deployment, choice } = planned;
        const quality = 2 * (widestBits - bitsOf(choice)) + cacheRank;
        candidates.push({ request, deployment, checkpoint: choice.converted ?? choice.spec.id, quality });
      }
    }
  }
  return { candidates, considered };
}
