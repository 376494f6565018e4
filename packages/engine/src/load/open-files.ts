/** Opens the files of a model. They stay open while weights are read. */
import { openFileSource } from '@plimsoll/model-files';
import type { FileSource } from '@plimsoll/model-files/sources';
import type { WeightFile, WeightSource } from './weight-source.ts';

export async function openFiles(paths: readonly string[]): Promise<Pick<WeightSource, 'files' | 'close'>> {
  const sources: FileSource[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(sources.map((source) => source.close()));
  };
  try {
    for (const path of paths) sources.push(await openFileSource(path));
  } catch (error) {
    await close();
    throw error;
  }
  return {
    files: sources.map(({ name: path, descriptor }): WeightFile => ({ path, descriptor })),
    close,
  };
}
