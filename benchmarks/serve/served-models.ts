/** The models of the serving benchmark: random weights in real shapes, and SmolLM2 if it has been fetched. */
import { defined } from '@plimsoll/foundation';
import { findRealModel, realModelFolder, realModels } from '../../tools/real-models/real-model.ts';
import { randomModel } from '../engine/random-model.ts';
import { mixtures, shapes } from '../engine/shapes.ts';

export interface ServedModelFile {
  readonly name: string;
  readonly path: string;
  /** Prompts have ids below this number. */
  readonly ordinaryTokens: number;
  /** Speed relative to 135M; the number of requests follows it. */
  readonly scale: number;
}

const scales: Readonly<Record<string, number>> = { '135M': 1, '0.5B': 0.25 };
const smolName = 'SmolLM2 q4_1';
const smolVocabulary = 49_152;

/** Models that get every case. The others get closed loops alone, or a run would take an hour. */
export const widelyTested: readonly string[] = ['135M q4_0'];

export const randomModelNames: readonly string[] = Object.keys(scales).flatMap((shape) =>
  mixtures.map((mixture) => `${shape} ${mixture}`),
);

/** All models that `--models` can name. `node tools/real-models.ts` fetches SmolLM2. */
export function servedModelNames(): readonly string[] {
  return smolPath() === undefined ? randomModelNames : [...randomModelNames, smolName];
}

export function servedModel(name: string): ServedModelFile {
  if (name === smolName) {
    const path = defined(smolPath(), 'the model has been found');
    return { name, path, ordinaryTokens: smolVocabulary, scale: 1 };
  }
  const [shapeName = '', mixtureName] = name.split(' ');
  const shape = defined(
    shapes.find((one) => one.name === shapeName),
    `${shapeName} is a shape`,
  );
  const mixture = defined(
    mixtures.find((one) => one === mixtureName),
    `${mixtureName} is a mixture`,
  );
  const { path, vocabSize } = randomModel(shape, mixture);
  // The last two ids are control tokens.
  return { name, path, ordinaryTokens: vocabSize - 2, scale: scales[shapeName] ?? 1 };
}

function smolPath(): string | undefined {
  const [smol] = realModels;
  return smol === undefined ? undefined : findRealModel(smol, realModelFolder(process.env));
}
