/** The entry for tables of a model as numbers: its embedding and its head, which the training of drafts shares. */
import { assert, defined, PlimsollError } from '@plimsoll/foundation';
import { dequantiseBlocks } from '@plimsoll/kernels/dequantise';
import type { Model } from './model.ts';
import { fillExactly } from './read-exactly.ts';
import { formatOfType } from './store-rows.ts';

type TableName = Extract<Parameters<Model['names']['outer']>[0], 'token_embd.weight' | 'output.weight'>;

/** Bytes that are read at a time, rounded to whole rows. */
const runBytes = 4 * 1024 ** 2;

/**
 * Returns a matrix outside the layers as f32, [rows, columns], by its name in the ModelSpec. Quantised values are those that
 * the kernels multiply. Throws `unread-table` for a type that no kernel reads, and `tensor-truncated`.
 */
export async function readTable(model: Model, name: TableName): Promise<Float32Array> {
  const source = await model.openWeights();
  try {
    const tensor = source.tensor({ layer: null, name: model.names.outer(name), slice: 0, slices: 1 });
    const format = formatOfType.get(tensor.type.toUpperCase());
    if (format === undefined) throw unread(model.path, tensor.name, tensor.type);
    const { vocabSize: rows } = model.graph;
    assert(tensor.bytes % rows === 0, `${tensor.name} has a row for each token`);
    const rowBytes = tensor.bytes / rows;
    const rowsPerRun = Math.max(1, Math.floor(runBytes / rowBytes));
    const file = defined(source.files[tensor.file], 'a tensor has a file');
    let table: Float32Array | null = null;
    for (let row = 0; row < rows; row += rowsPerRun) {
      const bytes = new Uint8Array(Math.min(rowsPerRun, rows - row) * rowBytes);
      fillExactly(file, bytes, { offset: tensor.offset + row * rowBytes, name: tensor.name });
      const values = dequantiseBlocks(format, bytes);
      const columns = values.length / (bytes.length / rowBytes);
      table ??= new Float32Array(rows * columns);
      table.set(values, row * columns);
    }
    return defined(table ?? undefined, 'a table has rows');
  } finally {
    await source.close();
  }
}

function unread(path: string, name: string, type: string): PlimsollError {
  const types = [...formatOfType.keys()].join(', ');
  return new PlimsollError({
    code: 'unread-table',
    message: `${name} of ${path} is stored as ${type}, which cannot be read as numbers`,
    value: type,
    limit: types,
    hint: 'use a file of the model whose embedding and head have one of these types',
  });
}
