/** A change that only TensorRT-LLM has: the share of the cache. */
import { type Deployment, neededBytes } from '../../deployment/deployment.ts';
import type { Question } from '../../question/question.ts';
import type { Change } from '../contract/engine-profile.ts';
import { optionWords } from '../contract/option-spec.ts';
import { type TensorrtLlmOptions, tensorrtLlmOptions } from './options.ts';

/** With a larger share, the engine can run out of memory on a prompt longer than those of the estimation pass. */
const fractionMax = 0.97;

export function fractionChange(
  question: Question<TensorrtLlmOptions>,
  current: Deployment,
): readonly Change<TensorrtLlmOptions>[] {
  if (!('fraction' in current) || typeof current.fraction !== 'number' || current.poolBytes <= 0) return [];
  const { users, contextTokens } = question.workload;
  const now = current.fraction;
  const needed = (now * neededBytes(current, users, contextTokens)) / current.poolBytes;
  const target = needed > now && needed <= fractionMax ? Math.ceil(needed * 100) / 100 : fractionMax;
  if (target <= now + 0.005) return [];
  const set: TensorrtLlmOptions = { freeGpuMemoryFraction: target };
  return [
    {
      kind: 'share',
      title: `give the cache ${(target * 100).toFixed(0)} % of the memory left`,
      flags: optionWords(tensorrtLlmOptions, set).join(' '),
      cost: 'less room for prompts of many images and for fragmentation',
      size: 1,
      apply: (old) => ({ ...old, options: { ...old.options, ...set } }),
    },
  ];
}
