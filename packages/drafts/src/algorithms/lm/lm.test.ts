import { seededRandom } from '@plimsoll/foundation/random';
import { createTrainingArena, ParameterSet, planArena } from '@plimsoll/training';
import { adamWStep, clipFactor, globalNorm, usualAdamW } from '@plimsoll/training/optimizer';
import { expect, test } from 'vitest';
import { defineLm, recordLm } from './lm-recording.ts';

const config = {
  ...{ vocabulary: 23, hiddenSize: 32, layers: 2, heads: 4, kvHeads: 2, headDim: 8, intermediateSize: 48 },
  ...{ epsilon: 1e-5, ropeBase: 10_000 },
};
const shape = { sequences: 2, length: 24, trains: true };

/** A token is the sum of the two before it: only attention to the token before the last can predict it. */
function sequence(first: number, second: number): number[] {
  const tokens = [first, second];
  while (tokens.length <= shape.length)
    tokens.push(((tokens.at(-1) ?? 0) + (tokens.at(-2) ?? 0)) % config.vocabulary);
  return tokens;
}

async function train(threads: number, steps: number) {
  const parameters = new ParameterSet();
  const lm = recordLm(parameters, defineLm(parameters, config), config, shape);
  const arena = await createTrainingArena(planArena(parameters, [lm.recording]), parameters, threads);
  const random = seededRandom(7);
  for (const { name, tensor } of parameters.parameters) {
    const weight = arena.parameter(name);
    for (let i = 0; i < weight.length; i++) weight[i] = tensor.rows === 1 ? 1 : 0.3 * (2 * random() - 1);
  }
  for (const [row, tokens] of [sequence(1, 2), sequence(5, 3)].entries()) {
    lm.tokenIds.set(tokens.slice(0, -1), row * shape.length);
    lm.labels.set(tokens.slice(1), row * shape.length);
  }
  // The first token of a sequence says nothing about the second.
  lm.weights.forEach((_, i) => {
    lm.weights[i] = i % shape.length === 0 ? 0 : 1 / (2 * (shape.length - 1));
  });
  const [parameterRange, gradients] = [arena.flat('parameters'), arena.flat('gradients')];
  const ranges = {
    ...{ parameters: parameterRange, gradients },
    ...{ firstMoments: arena.flat('firstMoments'), secondMoments: arena.flat('secondMoments') },
  };
  const losses: number[] = [];
  for (let step = 1; step <= steps; step++) {
    gradients.fill(0);
    arena.run(lm.recording);
    losses.push(lm.sums.loss);
    const gradientFactor = clipFactor(globalNorm(gradients), 1);
    adamWStep(ranges, usualAdamW, { learningRate: 1e-2, step, gradientFactor });
  }
  const weights = Array.from(parameterRange);
  await arena.close();
  return { losses, weights, sums: lm.sums };
}

test('a small decoder learns a rule of two tokens', async () => {
  const { losses, sums } = await train(2, 60);
  expect(losses[0]).toBeGreaterThan(2);
  expect(losses.at(-1)).toBeLessThan(0.1);
  expect(sums.rows).toBe(2 * (shape.length - 1));
  expect(sums.correct).toBe(sums.rows);
});

test('losses and weights have the same bits on one and three threads', async () => {
  const [one, three] = [await train(1, 3), await train(3, 3)];
  expect(three.losses).toEqual(one.losses);
  expect(three.weights).toEqual(one.weights);
});
