/** Notes about matrices that are held in another format than in their file: their number, formats and bytes. */
import { formatBytes } from '@plimsoll/foundation';
import { ggmlTensorBytes, ggmlTypeNamed } from '@plimsoll/model-files/spec';
import { isReadAsItIs } from './storage-format.ts';
import { type StoredTensor, storedBytes, type WeightStorage } from './weight-storage.ts';

interface Converted {
  readonly example: StoredTensor;
  count: number;
  moreBytes: number;
}

/** Writes one sentence for each pair of formats. Vectors are left out: they are always f32 rows of a few kilobytes. */
export function conversionNotes({ outer, layers }: WeightStorage): readonly string[] {
  const found = new Map<string, Converted>();
  for (const tensor of [outer, ...layers].flat()) {
    if (tensor.layout !== 'panels' || tensor.conversion === 'copy') continue;
    const key = `${tensor.source} ${tensor.format} ${tensor.conversion}`;
    const entry = found.get(key) ?? { example: tensor, count: 0, moreBytes: 0 };
    entry.count++;
    entry.moreBytes += storedBytes(tensor) - fileBytes(tensor);
    found.set(key, entry);
  }
  return [...found.values()].map(sentence);
}

function fileBytes({ source, slices, rows, columns }: StoredTensor): number {
  return ggmlTensorBytes(ggmlTypeNamed(source), [slices * rows, columns]);
}

function sentence({ example, count, moreBytes }: Converted): string {
  const { source, format, conversion } = example;
  const tensors = count === 1 ? '1 tensor' : `${count} tensors`;
  const held = `${tensors} stored as ${source} ${count === 1 ? 'is' : 'are'} held as ${format}`;
  const bytes = `${formatBytes(Math.abs(moreBytes))} ${moreBytes < 0 ? 'less' : 'more'}`;
  if (conversion === 'requantise') return `${held} to fit, ${bytes}`;
  return `${held}, ${bytes}: ${isReadAsItIs(source) ? `their kernels read ${format}` : `no kernel reads ${source}`}`;
}
