/**
 * Decides whether weights of a log can be predicted. The mixture may be unknown. The label of a file may belong to another
 * recipe, which the printed bits per weight show. Tensors may have been placed by hand.
 */
import { PlimsollError } from '@plimsoll/foundation';
import { type ModelSpec, textParameterCount } from '@plimsoll/model-files/spec';
import { parseFileType } from '../../gguf-recipes/file-type.ts';
import { ggufFileBytes } from '../../gguf-recipes/gguf-spec.ts';
import type { LlamaCppRecord } from './log-record.ts';

export interface KnownWeights {
  /** The mixture of the plan; a common mixture if the file's mixture is unknown. */
  readonly fileType: string;
  /** The reason why buffers of weights are not predicted, or null. */
  readonly unknownBecause: string | null;
}

/** Places tensors if the mixture of the file is unknown. */
const placeholderMixture = 'Q4_K_M';

/** Largest difference in bits between a mixture and a variant of it. A larger difference means another recipe. */
const labelTolerance = 0.08;

export function knownWeights(record: LlamaCppRecord, spec: ModelSpec): KnownWeights {
  const label = record.fileType ?? labelInName(record.model);
  if (label === null) return { fileType: placeholderMixture, unknownBecause: 'the file type is not stated' };
  try {
    parseFileType(label);
  } catch (error) {
    if (!(error instanceof PlimsollError)) throw error;
    return { fileType: placeholderMixture, unknownBecause: error.message };
  }
  if (record.bitsPerWeight !== null) {
    const bits = (8 * ggufFileBytes(spec, label)) / textParameterCount(spec);
    if (Math.abs(bits / record.bitsPerWeight - 1) > labelTolerance) {
      const because = `the file has ${record.bitsPerWeight} bits per weight, which is not ${label} (${bits.toFixed(2)})`;
      return { fileType: label, unknownBecause: because };
    }
  }
  return { fileType: label, unknownBecause: placedByHand(record) };
}

function labelInName(model: string): string | null {
  return /(?:^|[-_. ])((?:UD-)?(?:I?Q\d_?\w*|F16|BF16|MXFP4\w*))(?:\.gguf)?$/i.exec(model)?.[1] ?? null;
}

/** Few records quote `-ot` patterns in full, and without the patterns the place of the experts is unknown. */
function placedByHand({ notes }: LlamaCppRecord): string | null {
  return /expert overrides to CPU|override-tensor|-ot /.test(notes) && !/--n-cpu-moe|--cpu-moe/.test(notes)
    ? 'tensors were placed by patterns that the record does not state'
    : null;
}
