import { expect, test } from 'vitest';
import { blockCounts, blockFactors } from './dflash-loss.ts';
import { checkDFlashConfig, dflashLayers } from './dflash-spec.ts';

test('an accepted prefix steps over tokens without supervision and ends at the first miss', () => {
  const weights = Float64Array.of(0, 1, 0, 1, 0, 1, 1, 1, 0, 0, 0, 0);
  const hits = Uint8Array.of(0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 0);
  const { guesses, passes } = blockCounts({ hits, weights }, { blockSize: 4, firstOffset: 1 });
  expect(passes).toEqual({ count: 2, accepted: 2 + 0 });
  expect(guesses.map(({ supervised, correct }) => [supervised, correct])).toEqual([
    [2, 1],
    [1, 1],
    [2, 2],
  ]);
});

test('confidence of 1 in all tokens counts the tokens that are left', () => {
  const [probabilities, weights] = [Float64Array.of(1, 1, 1, 1), Float64Array.of(0, 2, 2, 2)];
  const factors = blockFactors({ kind: 'dpace', alpha: 0.5 }, 4);
  expect([...(factors?.factorsOf(probabilities, weights) ?? [])]).toEqual([3, 3, 2, 1]);
});

test('captured layers of published drafts', () => {
  expect(dflashLayers(36, 5)).toEqual([1, 9, 17, 25, 33]);
  expect(dflashLayers(30, 1)).toEqual([15]);
  expect(dflashLayers(28, 5)).toEqual([1, 7, 13, 19, 25]);
  expect(() => dflashLayers(6, 5)).toThrowError(expect.objectContaining({ code: 'too-few-layers' }));
});

test.each([
  [{ kvHeads: 3 }, {}, 'kvHeads'],
  [{ headDim: 7 }, {}, 'headDim'],
  [{ layerWindows: [] }, {}, 'layerWindows'],
  [{ layerWindows: [null, 0] }, {}, 'layerWindows'],
  [{ blockSize: 1 }, {}, 'blockSize'],
  [{ maskTokenId: 9 }, {}, 'maskTokenId'],
  [{}, { anchorsMax: 0 }, 'anchorsMax'],
  [{}, { gamma: -1 }, 'gamma'],
  [{}, { loss: { kind: 'dpace', alpha: 1.5 } }, 'alpha'],
] as const)('refuses %j %j', (config, training, field) => {
  const plain = {
    ...{ hiddenSize: 8, capturedLayers: 1, layerWindows: [null], heads: 4, kvHeads: 2, headDim: 8 },
    ...{ intermediateSize: 8, vocabulary: 9, epsilon: 1e-5, ropeBase: 1e4, blockSize: 4, maskTokenId: 8 },
  };
  const usual = { anchorsMax: 4, anchorSeed: 1, gamma: 0, loss: { kind: 'dflash' } } as const;
  expect(() => checkDFlashConfig(plain, usual)).not.toThrow();
  const check = () => checkDFlashConfig({ ...plain, ...config }, { ...usual, ...training });
  expect(check).toThrowError(
    expect.objectContaining({ code: 'bad-draft-config', message: expect.stringContaining(field) }),
  );
});
