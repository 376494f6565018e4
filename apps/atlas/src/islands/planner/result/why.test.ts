import { shippedRegistry } from '@plimsoll/registry';
import { expect, test } from 'vitest';
import english from '../../../content/island-messages/en.json' with { type: 'json' };
import { buildWorkbench } from '../../../workbench/build-workbench.ts';
import { answerState } from '../state/settle.ts';
import { exampleState, type PlannerState } from '../state/state.ts';
import { whyText } from './why.ts';

function why(change: Partial<PlannerState>): string {
  const { plan } = answerState({ ...exampleState, ...change }, buildWorkbench);
  return plan === null ? 'no plan' : whyText(plan, english.planner);
}

test('the sum behind the number of users, case by case', () => {
  const cases: readonly Partial<PlannerState>[] = [
    {},
    { engine: 'none' },
    { model: 'meta-llama/Llama-3.1-70B-Instruct', tp: 4 },
    { model: 'meta-llama/Llama-3.1-70B-Instruct' },
    { model: 'google/gemma-3-27b-it', context: 32_768 },
    { model: 'meta-llama/Llama-3.2-1B', context: 512 },
    { gpu: 'rtx-3090-24gb', context: 131_072 },
    { gpu: 'rtx-4090', engine: 'llama.cpp' },
  ];
  expect(cases.map(why)).toMatchInlineSnapshot(`
    [
      "The weights take 14.99 GiB. vLLM keeps 7.74 GiB for its work and in reserve. That leaves 56.46 GiB for caches. The cache of one user takes 1.00 GiB, so 56 fit.",
      "The weights take 14.96 GiB. That leaves 64.23 GiB for caches. The cache of one user takes 1.00 GiB, so 64 fit.",
      "On each device the weights take 32.89 GiB. vLLM keeps 9.70 GiB for its work and in reserve. That leaves 36.60 GiB for caches. The cache of one user takes 0.63 GiB, so 58 fit.",
      "The weights take 131.45 GiB. vLLM keeps 8.84 GiB for its work and in reserve. Together that is 61.10 GiB more than there is.",
      "The weights take 51.44 GiB. vLLM keeps 10.22 GiB for its work and in reserve. That leaves 17.53 GiB for caches. The cache of one user takes 2.98 GiB; the engine's blocks and limits let in 3.",
      "The weights take 2.32 GiB. vLLM keeps 7.27 GiB for its work and in reserve. That leaves 69.60 GiB for caches. The cache of one user takes 16.00 MiB; the engine's blocks and limits let in 1,024.",
      "The weights take 14.99 GiB. vLLM keeps 2.69 GiB for its work and in reserve. That leaves 5.90 GiB for caches. The cache of one user takes 16.00 GiB, which is more.",
      "The weights take 4.30 GiB. llama.cpp keeps 116.01 MiB for its work and in reserve. That leaves 19.11 GiB for caches. The cache of one user takes 1.00 GiB, so 19 fit.",
    ]
  `);
});

test('the parts make up what a process gets', () => {
  const { plan } = answerState(exampleState, buildWorkbench);
  const text = plan === null ? '' : whyText(plan, english.planner);
  const [weights = 0, kept = 0, room = 0] = [...text.matchAll(/[\d.]+(?= GiB)/g)].map(Number);
  const usable = shippedRegistry.resolveHardware('h100-sxm-80gb').memory.usableBytes / 2 ** 30;
  expect(weights + kept + room).toBeCloseTo(usable, 1);
});
