/** Weights of a checkpoint of the Hub, in its shards. */
import { join } from 'node:path';
import type { SafetensorsModel } from '@plimsoll/model-files';
import { CheckpointTensors } from '@plimsoll/model-files/safetensors';
import { openFiles } from './open-files.ts';
import type { WeightSource } from './weight-source.ts';

export async function openSafetensorsSource(path: string, model: SafetensorsModel): Promise<WeightSource> {
  const files = await openFiles(model.shards.map(({ name }) => join(path, name)));
  const tensors = new CheckpointTensors(model);
  return {
    ...files,
    tensor(address) {
      const { name, type, bytes, offset, shard: file } = tensors.need(address);
      return { name, type, bytes, file, offset };
    },
  };
}
