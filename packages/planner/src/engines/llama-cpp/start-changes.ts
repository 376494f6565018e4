/** Changes that make a start of llama.cpp possible: those that advice proposes, and layers in host memory. */
import type { Deployment } from '../../deployment/deployment.ts';
import type { Question } from '../../question/question.ts';
import type { Change } from '../contract/engine-profile.ts';
import { llamaCppChanges } from './changes.ts';
import { rulesOfBuild } from './engine-rules.ts';
import { machineOf } from './machine.ts';
import type { LlamaCppOptions } from './options.ts';
import { startOf } from './own-fit.ts';
import { buildOf } from './request.ts';

export function startChanges(
  question: Question<LlamaCppOptions>,
  current: Deployment,
): readonly Change<LlamaCppOptions>[] {
  return [...llamaCppChanges(question, current), ...hostLayers(question)];
}

/** Leaves the placement of layers to the engine. On a machine with one memory, layers in host memory free nothing. */
function hostLayers(question: Question<LlamaCppOptions>): readonly Change<LlamaCppOptions>[] {
  const { gpuLayers, fit } = question.options ?? {};
  if (machineOf(question).isUnified || (gpuLayers === 'auto' && fit !== false)) return [];
  const apply = <Asked extends Question<LlamaCppOptions>>(old: Asked): Asked => ({
    ...old,
    options: { ...old.options, gpuLayers: 'auto', fit: undefined, tensorSplit: undefined },
  });
  const { fits } = rulesOfBuild(buildOf(question));
  const changed = apply(question);
  const layers = fits ? 'auto' : startOf(changed, machineOf(changed)).gpuLayers;
  if (layers === 0 || layers === undefined) return [];
  return [
    {
      kind: 'layers',
      title: 'keep layers in host memory',
      flags: `-ngl ${layers}`,
      cost: 'slower: the processor computes these layers',
      // A shorter context and other weights change answers; layers in host memory change only their speed.
      size: 2.5,
      apply,
    },
  ];
}
