/** For tests: engines that run the small random models under fixtures/engine. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { MiB } from '@plimsoll/foundation';
import type { EngineOptions } from '@plimsoll/planner/engine-memory';
import { Engine, type EngineParts } from '../engine.ts';
import { openModel } from '../load/open-model.ts';
import { type EngineStart, engineParts } from '../start/create-engine.ts';

export const fixturesDirectory = join(import.meta.dirname, '../../../../fixtures/engine');

/** Names of all model fixtures: the folders of fixtures/engine without `ops`. */
export function fixtureNames(): readonly string[] {
  return readdirSync(fixturesDirectory, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name !== 'ops')
    .map((entry) => entry.name)
    .sort();
}

/** Options for every fixture: small sizes, one thread, an exact cache. */
export const smallOptions: EngineOptions = {
  sequencesMax: 4,
  contextMax: 256,
  prefillChunkTokens: 24,
  kvFormat: 'fp32',
  threads: 1,
  stagingBytes: 0,
};

type Fixture = [
  place: { readonly name: string; readonly file: string },
  options?: EngineStart['options'],
  start?: Partial<EngineStart>,
];

export async function startFixture(...fixture: Fixture): Promise<Engine> {
  return new Engine(await fixtureParts(...fixture));
}

export async function fixtureParts(...[place, options = {}, start = {}]: Fixture): Promise<EngineParts> {
  const model = await openModel(join(fixturesDirectory, place.name, place.file));
  return engineParts({
    model,
    memoryBytes: 512 * MiB,
    tokenizer: null,
    options: { ...smallOptions, ...options },
    ...start,
  });
}

/** Waits until the engine has run `count` more steps. */
export function steps(engine: Engine, count: number): Promise<void> {
  return new Promise((resolve) => {
    let left = count;
    const stop = engine.onStep(() => {
      left--;
      if (left > 0) return;
      stop();
      resolve();
    });
  });
}
