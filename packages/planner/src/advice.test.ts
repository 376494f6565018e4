import { expect, test } from 'vitest';
import { advisedRequests } from './advice.ts';
import { plan } from './plan.ts';
import { request, variedModels } from './test-models.ts';

test('a piece of advice is what a plan of its request says', () => {
  let followed = 0;
  for (const model of variedModels) {
    const asked = request({ model, engine: 'vllm', workload: { contextTokens: 4096, users: 64 } });
    expect(advisedRequests(asked).map(({ advice }) => advice)).toEqual(plan(asked).advice);
    for (const { advice, request: changed } of advisedRequests(asked)) {
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
