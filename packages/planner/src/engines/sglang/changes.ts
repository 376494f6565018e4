/** Changes for SGLang: the share of its pools, the size of a step, then the changes of every server of checkpoints. */
import { formatCount } from '@plimsoll/foundation';
import { type Deployment, neededBytes } from '../../deployment/deployment.ts';
import type { Question } from '../../question/question.ts';
import type { Change } from '../contract/engine-profile.ts';
import { optionWords } from '../contract/option-spec.ts';
import { type SglangOptions, sglangOptions } from './options.ts';

/** The facts of a deployment from which a plan proposes another share. */
interface Sized extends Deployment {
  readonly settings: { readonly memFractionStatic: number; readonly chunkedPrefillSize: number };
  readonly stage: { readonly freeBeforeBytes: number; readonly freeAfterBytes: number };
}

/**
 * Least free share: with less, activations and graphs seldom fit (SGLang's hyperparameter guide advises to leave 5 to 8
 * GB).
 */
const reserveShareMin = 0.05;
const smallChunk = 2048;

export function poolChanges(
  question: Question<SglangOptions>,
  current: Deployment,
): readonly Change<SglangOptions>[] {
  return isSized(current) ? [...fractionChange(question, current), ...chunkChange(question, current)] : [];
}

function isSized(deployment: Deployment): deployment is Sized {
  return 'settings' in deployment && 'stage' in deployment;
}

function fractionChange(question: Question<SglangOptions>, current: Sized): readonly Change<SglangOptions>[] {
  const { users, contextTokens } = question.workload;
  const { freeBeforeBytes } = current.stage;
  const missing = neededBytes(current, users, contextTokens) - current.poolBytes;
  const now = current.settings.memFractionStatic;
  const exact = Math.ceil((now + missing / freeBeforeBytes) * 1000) / 1000;
  const most = 1 - reserveShareMin;
  const target = missing > 0 && exact <= most ? exact : most;
  if (target <= now + 0.004) return [];
  return [
    {
      kind: 'share',
      title: `give weights and pools ${(target * 100).toFixed(1)} % of the free memory`,
      cost: 'less room for activations and CUDA graphs: long prompts may run out of memory',
      ...setting({ memFractionStatic: target }),
    },
  ];
}

/** Proposes a smaller step, which needs less memory, so that the engine's own share grows. */
function chunkChange(question: Question<SglangOptions>, current: Sized): readonly Change<SglangOptions>[] {
  if (question.options?.memFractionStatic !== undefined) return [];
  if (current.settings.chunkedPrefillSize <= smallChunk) return [];
  return [
    {
      kind: 'tokens',
      title: `work on ${formatCount(smallChunk)} prompt tokens per step`,
      cost: 'long prompts take more steps',
      ...setting({ chunkedPrefillSize: smallChunk }),
    },
  ];
}

function setting(set: SglangOptions): Pick<Change<SglangOptions>, 'flags' | 'size' | 'apply'> {
  return {
    flags: optionWords(sglangOptions, set).join(' '),
    size: 1,
    apply: (old) => ({ ...old, options: { ...old.options, ...set } }),
  };
}
