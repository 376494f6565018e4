/** Reads from a llama.cpp log what a spreadsheet user knows: the size in the model's name, and the hyper-parameters. */
import { idOf, numberOf, objectOf, type RawRecord, textOf } from './log-file.ts';

export interface LlamaCppFacts {
  readonly id: string;
  /**
   * Parameters by the model's name: "Llama 3.1 8B" is eight billion. Null if the name has no size, or a mixture's
   * "8x7B".
   */
  readonly parameters: number | null;
  readonly weightBits: number | null;
  readonly keyBits: number | null;
  readonly valueBits: number | null;
  readonly contextTokens: number | null;
  readonly layers: number | null;
  readonly hiddenSize: number | null;
  readonly heads: number | null;
  readonly kvHeads: number | null;
  readonly headDim: number | null;
}

export function llamaCppFacts(record: RawRecord): LlamaCppFacts {
  const hyperParameters = objectOf(record, 'hparams');
  const size = /(?<![\dx.])(\d+(?:\.\d+)?)\s*b\b/i.exec(textOf(record, 'model') ?? '')?.[1];
  return {
    id: idOf(record),
    parameters: size === undefined ? null : Number(size) * 1e9,
    weightBits: bitsOf(textOf(record, 'file_type')),
    keyBits: bitsOf(textOf(record, 'type_k')),
    valueBits: bitsOf(textOf(record, 'type_v')),
    contextTokens: numberOf(record, 'n_ctx'),
    layers: numberOf(hyperParameters, 'n_layer'),
    hiddenSize: numberOf(hyperParameters, 'n_embd'),
    heads: numberOf(hyperParameters, 'n_head'),
    kvHeads: numberOf(hyperParameters, 'n_head_kv'),
    headDim: numberOf(hyperParameters, 'n_embd_head_k'),
  };
}

/** Returns the bits in a type's name: 4 for "Q4_K - Medium", "UD-Q4_K_M" and "IQ4_XS". */
function bitsOf(type: string | null): number | null {
  const digits = /^(?:UD-)?(?:I?Q|MXFP|BF|F)(\d+)/i.exec(type ?? '')?.[1];
  return digits === undefined ? null : Number(digits);
}
