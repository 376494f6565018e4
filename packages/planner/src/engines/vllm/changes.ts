/** Changes that a user can make on vLLM: its own flags first, then changes that every server of checkpoints has. */
import { formatCount } from '@plimsoll/foundation';
import { type Deployment, shareNeeded } from '../../deployment/deployment.ts';
import type { Question } from '../../question/question.ts';
import type { Change } from '../contract/engine-profile.ts';
import { optionWords } from '../contract/option-spec.ts';
import { type VllmOptions, vllmOptions } from './options.ts';

/** Highest utilisation worth advising: above it, a driver hiccup or another process ends the engine. */
const utilizationMax = 0.97;

export function utilizationChange(
  question: Question<VllmOptions>,
  current: Deployment,
): readonly Change<VllmOptions>[] {
  const needed = shareNeeded(current, question.workload);
  const headroom = current.fixed.find((entry) => entry.category === 'headroom')?.bytes ?? 0;
  const now = 1 - headroom / current.capacityBytes;
  const target = needed !== null && needed > now ? needed : utilizationMax;
  if (target > utilizationMax || target <= now + 0.005) return [];
  return [
    {
      kind: 'utilization',
      title: `let the engine use ${(target * 100).toFixed(0)} % of the memory`,
      flags: `--gpu-memory-utilization ${target.toFixed(2)}`,
      cost: 'less room for other processes and fragmentation',
      size: 1,
      apply: (old) => ({ ...old, options: { ...old.options, gpuMemoryUtilization: target } }),
    },
  ];
}

/** Default of vLLM on cards below 70 GiB. */
const smallTokenBudget = 2048;

/** Fewer sequences shrink the sampler's buffers; a smaller token budget shrinks activations and what windows keep in flight. */
export function batchChanges(question: Question<VllmOptions>): readonly Change<VllmOptions>[] {
  const { options = {}, workload } = question;
  const found: Change<VllmOptions>[] = [];
  const sequences = Math.max(16, 2 ** Math.ceil(Math.log2(workload.users)));
  if (sequences < (options.maxNumSeqs ?? 256)) {
    found.push({
      kind: 'sequences',
      title: `allow ${sequences} sequences at once`,
      cost: 'more users than that wait',
      ...setting({ maxNumSeqs: sequences }),
    });
  }
  if ((options.maxNumBatchedTokens ?? 8192) > smallTokenBudget) {
    found.push({
      kind: 'tokens',
      title: `work on ${formatCount(smallTokenBudget)} tokens per step`,
      cost: 'long prompts take more steps',
      ...setting({ maxNumBatchedTokens: smallTokenBudget }),
    });
  }
  return found;
}

function setting(set: VllmOptions): Pick<Change<VllmOptions>, 'flags' | 'size' | 'apply'> {
  return {
    flags: optionWords(vllmOptions, set).join(' '),
    size: 1,
    apply: (old) => ({ ...old, options: { ...old.options, ...set } }),
  };
}
