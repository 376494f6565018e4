/** The pre-tokenizers that GGUF names in `tokenizer.ggml.pre` (gguf-pre-tokenizers.json). */
import { PlimsollError } from '@plimsoll/foundation';
import { JsonReader } from '../json-reader.ts';
import { type Normalizer, readNormalizer } from '../normalize/normalizer.ts';
import table from './gguf-pre-tokenizers.json' with { type: 'json' };
import { type PreTokenizer, readPreTokenizer } from './pre-tokenizer.ts';

export interface GgufPreTokenizer {
  readonly normalize: Normalizer;
  readonly preTokenizer: PreTokenizer;
  readonly ignoreMerges: boolean;
  /** What holds when the file has no `tokenizer.ggml.add_bos_token`. */
  readonly addBos: boolean;
}

export const ggufPreTokenizerNames: readonly string[] = table.preTokenizers.flatMap(({ names }) => names);

export function ggufPreTokenizer(name: string): GgufPreTokenizer {
  const index = table.preTokenizers.findIndex(({ names }) => names.includes(name));
  if (index < 0) {
    throw new PlimsollError({
      code: 'tokenizer-unsupported',
      message: `tokenizer: tokenizer.ggml.pre is "${name}", which is not known here`,
      value: name,
      limit: ggufPreTokenizerNames.join(', '),
      hint: 'report the model: guessing another rule would give wrong tokens without a sign of it',
    });
  }
  const config = new JsonReader(table.preTokenizers[index], `pre-tokenizer ${name}`);
  return {
    normalize: readNormalizer(config.objectOrNull('normalizer')),
    preTokenizer: readPreTokenizer(config.objectOrNull('preTokenizer')),
    ignoreMerges: config.flag('ignoreMerges', false),
    addBos: config.flag('addBos', false),
  };
}
