/**
 * File types: names of mixtures of tensor types. A log prints "Q4_K - Medium", a file name says "Q4_K_M". Publishers add
 * `_L` or `_XL` for embeddings and head in Q8_0. Unsloth puts "UD-" before its own per-layer mixtures; no rule gives these,
 * so the planner takes them as their base mixture.
 */
import { PlimsollError } from '@plimsoll/foundation';

/** Mixture of a registry model if the question names none: the most downloaded mixture. */
export const defaultMixture = 'Q4_K_M';

/** Base tensor type of each mixture (llama-quant.cpp, llama_ftype_get_default_type). */
const baseTypes = {
  F32: 'F32',
  F16: 'F16',
  BF16: 'BF16',
  Q4_0: 'Q4_0',
  Q4_1: 'Q4_1',
  Q5_0: 'Q5_0',
  Q5_1: 'Q5_1',
  Q8_0: 'Q8_0',
  Q2_K: 'Q2_K',
  Q2_K_S: 'Q2_K',
  Q3_K_S: 'Q3_K',
  Q3_K_M: 'Q3_K',
  Q3_K_L: 'Q3_K',
  Q4_K_S: 'Q4_K',
  Q4_K_M: 'Q4_K',
  Q5_K_S: 'Q5_K',
  Q5_K_M: 'Q5_K',
  Q6_K: 'Q6_K',
  IQ1_S: 'IQ1_S',
  IQ1_M: 'IQ1_M',
  IQ2_XXS: 'IQ2_XXS',
  IQ2_XS: 'IQ2_XS',
  IQ2_S: 'IQ2_XS',
  IQ2_M: 'IQ2_S',
  IQ3_XXS: 'IQ3_XXS',
  IQ3_XS: 'IQ3_S',
  IQ3_S: 'IQ3_S',
  IQ3_M: 'IQ3_S',
  IQ4_NL: 'IQ4_NL',
  IQ4_XS: 'IQ4_XS',
  TQ1_0: 'TQ1_0',
  TQ2_0: 'TQ2_0',
  MXFP4_MOE: 'MXFP4',
  Q4_X: 'Q4_0',
} as const satisfies Readonly<Record<string, string>>;

export type Mixture = keyof typeof baseTypes;

export interface FileType {
  readonly mixture: Mixture;
  readonly baseType: string;
  /** True if embeddings and head are in Q8_0, whatever the mixture says: `Q4_K_L`. */
  readonly wideEnds: boolean;
  /** True if the file's tensors do not follow the rules of llama.cpp, so that bytes are an approximation. */
  readonly approximate: boolean;
}

export const mixtures = Object.keys(baseTypes) as readonly Mixture[];

const sizes: Readonly<Record<string, string>> = {
  small: '_S',
  medium: '_M',
  large: '_L',
  s: '_S',
  m: '_M',
  l: '_L',
};

/** Other names of mixtures: the K-types without a size, and publishers' variants with larger embeddings. */
const synonyms: Readonly<Record<string, Mixture>> = {
  Q3_K: 'Q3_K_M',
  Q4_K: 'Q4_K_M',
  Q5_K: 'Q5_K_M',
  MXFP4: 'MXFP4_MOE',
  Q2_K_XL: 'Q2_K',
  Q3_K_XL: 'Q3_K_L',
  Q4_K_XL: 'Q4_K_M',
  Q4_K_L: 'Q4_K_M',
  Q5_K_XL: 'Q5_K_M',
  Q5_K_L: 'Q5_K_M',
  Q6_K_L: 'Q6_K',
  Q6_K_XL: 'Q6_K',
  Q8_K_XL: 'Q8_0',
  Q2_K_L: 'Q2_K',
};

/** Variants whose publisher says that embeddings and head are in Q8_0 (bartowski's model cards). */
const wideEnded: ReadonlySet<string> = new Set(['Q2_K_L', 'Q3_K_XL', 'Q4_K_L', 'Q5_K_L', 'Q6_K_L']);

/** Parses a mixture in the spelling of a log or of a file name. Throws `unknown-file-type` for any other text. */
export function parseFileType(text: string): FileType {
  const dynamic = /^\s*UD[-_]/i.test(text);
  const plain = text
    .trim()
    .replace(/^UD[-_]/i, '')
    .replace(/^all\s+|^mostly\s+/i, '')
    .replace(/\s*\(guessed\)|\s*-\s*[\d.]+\s*bpw.*$/gi, '');
  const match = /^([A-Z]+\d[A-Z0-9_]*|F32|F16|BF16|MXFP4)(?:\s*(?:-|\s)\s*(\w+))?/i.exec(plain);
  const stem = (match?.[1] ?? '').toUpperCase();
  const suffix = (match?.[2] ?? '').toLowerCase();
  const sized = `${stem}${suffix === 'moe' ? '_MOE' : (sizes[suffix] ?? '')}`;
  const mixture = mixtureNamed(sized) ?? synonyms[sized];
  if (mixture !== undefined) {
    return {
      mixture,
      baseType: baseTypes[mixture],
      wideEnds: !dynamic && wideEnded.has(sized),
      approximate: dynamic || (/_X?L$/.test(sized) && sized !== 'Q3_K_L' && !wideEnded.has(sized)),
    };
  }
  throw new PlimsollError({
    code: 'unknown-file-type',
    message: `"${text}" is not a GGUF file type whose mixture of tensor types is known`,
    value: text,
    limit: mixtures.join(', '),
    hint: 'give the .gguf file itself: its header names the type of each tensor',
  });
}

/** Returns true if the text names a mixture, in the spelling of a log or of a file name. */
export function isGgufMixture(text: string): boolean {
  try {
    parseFileType(text);
    return true;
  } catch (error) {
    if (error instanceof PlimsollError) return false;
    throw error;
  }
}

/**
 * Returns true if a weight format is a mixture of GGUF files. `bf16` and `mxfp4` are formats of other checkpoints too,
 * and mean these.
 */
export function isMixtureOfFiles(format: string): boolean {
  return !/^(?:bf16|mxfp4)$/i.test(format) && isGgufMixture(format);
}

function mixtureNamed(name: string): Mixture | undefined {
  return mixtures.find((mixture) => mixture === name);
}
