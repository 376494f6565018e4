import { expect, test } from 'vitest';
import { plan, planWithRequests } from './plan.ts';
import { request, variedModels } from './test-models.ts';

test('a piece of advice is what a plan of its request says', () => {
  let followed = 0;
  for (const model of variedModels) {
    const asked = request({ model, engine: 'vllm', workload: { contextTokens: 4096, users: 64 } });
    const { plan: whole, advised } = planWithRequests(asked);
    expect(advised.map(({ advice }) => advice)).toEqual(whole.advice);
    for (const { advice, request: changed } of advised) {
      const { fits, capacity, speed } = plan(changed);
      expect({ fits, usersMax: capacity.usersMax, tpotSeconds: speed.tpotSeconds }, model).toEqual({
        fits: advice.fits,
        usersMax: advice.usersMax,
        tpotSeconds: advice.tpotSeconds,
      });
      followed++;
    }
  }
  expect(followed).toBeGreaterThan(10);
});
