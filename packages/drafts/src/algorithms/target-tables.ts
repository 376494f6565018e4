/**
 * Embedding and head of the target in f32: all that a training reads of the target itself. The head turns stored final states
 * into the target's distribution.
 */
import { read } from 'node:fs';
import { promisify } from 'node:util';
import type { Model } from '@plimsoll/engine';
import { PlimsollError } from '@plimsoll/foundation';
import { fromBfloat16, fromFloat16 } from '@plimsoll/foundation/half-floats';

/** Each [vocabulary, hidden size]. */
export interface TargetTables {
  readonly embedding: Float32Array;
  readonly head: Float32Array;
}

const readBytes = promisify(read);

/** Throws `unsupported-target` or `target-unreadable`. */
export async function readTargetTables(model: Model): Promise<TargetTables> {
  const { graph, names } = model;
  if (graph.logitSoftCap !== null || (graph.embeddingScale ?? 1) !== 1)
    throw unsupported(
      model.path,
      'it scales its embeddings or caps its logits',
      'plain embeddings and logits',
    );
  const source = await model.openWeights();
  const table = async (name: string): Promise<Float32Array> => {
    const { type, bytes, file, offset } = source.tensor({ layer: null, name, slice: 0, slices: 1 });
    const convert = conversions[type];
    if (convert === undefined)
      throw unsupported(model.path, `${name} is stored as ${type}`, Object.keys(conversions).join(', '));
    const descriptor = source.files[file]?.descriptor ?? -1;
    return convert(await readWhole(descriptor, { offset, bytes, path: model.path }));
  };
  try {
    const embedding = await table(names.outer('token_embd.weight'));
    const head = graph.tiedHead ? embedding : await table(names.outer('output.weight'));
    return { embedding, head };
  } finally {
    await source.close();
  }
}

const conversions: Readonly<Record<string, (bytes: Uint8Array) => Float32Array>> = {
  F32: ({ buffer }) => new Float32Array(buffer),
  F16: ({ buffer }) => fromFloat16(new Uint16Array(buffer)),
  BF16: ({ buffer }) => fromBfloat16(new Uint16Array(buffer)),
};

async function readWhole(
  descriptor: number,
  { offset, bytes, path }: { readonly offset: number; readonly bytes: number; readonly path: string },
): Promise<Uint8Array<ArrayBuffer>> {
  const target = new Uint8Array(bytes);
  for (let done = 0; done < bytes; ) {
    const { bytesRead } = await readBytes(descriptor, target, done, bytes - done, offset + done);
    if (bytesRead === 0)
      throw new PlimsollError({
        code: 'target-unreadable',
        message: `${path} ends ${bytes - done} bytes before its embedding`,
        value: done,
        limit: bytes,
        hint: 'download the target again',
      });
    done += bytesRead;
  }
  return target;
}

function unsupported(path: string, problem: string, limit: string): PlimsollError {
  return new PlimsollError({
    code: 'unsupported-target',
    message: `a draft cannot share the embedding and head of ${path}: ${problem}`,
    value: problem,
    limit,
    hint: 'train against an unquantised checkpoint of the target (F32, F16 or BF16)',
  });
}
