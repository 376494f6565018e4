/**
 * Everything besides tokens that the content of cached blocks depends on: weights and their formats in memory, settings
 * of the model, cache format, kernels. The weights count by the SHA-256 of their files, so that a fine-tune of the same
 * shape is another model.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import type { EngineMemoryPlan } from '@plimsoll/planner/engine-memory';
import type { PrefixCacheIdentity } from '@plimsoll/serving/saved-cache';
import type { Model } from '../load/model.ts';

export interface IdentityParts {
  readonly plan: EngineMemoryPlan;
  /** The model, and the draft model if there is one. */
  readonly models: readonly Model[];
  /** Other kernels add in another order. */
  readonly kernelPath: string;
}

export async function cacheIdentity({
  plan,
  models,
  kernelPath,
}: IdentityParts): Promise<PrefixCacheIdentity> {
  const hash = createHash('sha256');
  for (const model of models) {
    for (const digest of await weightHashes(model)) hash.update(digest);
    hash.update(JSON.stringify(model.parameters));
  }
  for (const { tensors } of [plan.storage, ...(plan.draft === null ? [] : [plan.draft.storage])]) {
    hash.update(
      JSON.stringify(tensors.map(({ layer, name, slice, format }) => [layer, name, slice, format])),
    );
  }
  return {
    modelHash: `sha256:${hash.digest('hex')}`,
    kvFormat: `${plan.settings.kvFormat} of ${kernelPath}`,
  };
}

async function weightHashes(model: Model): Promise<readonly Buffer[]> {
  const source = await model.openWeights();
  try {
    const digests: Buffer[] = [];
    for (const { path } of source.files) {
      const hash = createHash('sha256');
      for await (const part of createReadStream(path, { highWaterMark: 2 ** 20 }))
        hash.update(part as Buffer);
      digests.push(hash.digest());
    }
    return digests;
  } finally {
    await source.close();
  }
}
