import { resolveHardware } from '@plimsoll/registry';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { prepareIfPossible } from '../engines/engines.ts';
import { model, variedModels } from '../test-models.ts';
import { contextMaxFor, neededBytes, usersMax } from './deployment.ts';

test("most users and longest context are the last that fit, even if an engine's buffers grow with both", () => {
  let boundaries = 0;
  fc.assert(
    fc.property(
      fc.constantFrom(...variedModels),
      fc.constantFrom('rtx-4090', 'h100', 'm3-max-64gb', 'mi300x'),
      fc.constantFrom('llama.cpp' as const, 'vllm' as const, 'none' as const),
      fc.record({ context: fc.constantFrom(512, 4096, 32_768), users: fc.integer({ min: 1, max: 40 }) }),
      (name, gpu, engine, { context, users }) => {
        const spec = model(name);
        const contextTokens = Math.min(context, spec.contextLength);
        const deployment = prepareIfPossible({
          spec,
          hardware: resolveHardware(gpu),
          engine,
          parallelism: { tensor: 1, pipeline: 1, data: 1, expertParallel: false },
          workload: { contextTokens, users: 1 },
        });
        if (deployment === null || deployment.poolBytes <= 0) return;
        const holds = (count: number, tokens: number): boolean =>
          neededBytes(deployment, count, tokens) <= deployment.poolBytes;
        const most = usersMax(deployment, contextTokens);
        if (most > 0) expect(holds(most, contextTokens)).toBe(true);
        if (most < deployment.sequencesMax) expect(holds(most + 1, contextTokens)).toBe(false);
        const longest = contextMaxFor(deployment, users);
        if (longest > 0) expect(holds(users, longest)).toBe(true);
        if (longest < deployment.contextMax) expect(holds(users, longest + 1)).toBe(false);
        if (most > 0 && most < deployment.sequencesMax) boundaries++;
      },
    ),
    { numRuns: 60 },
  );
  expect(boundaries).toBeGreaterThan(2);
});
