/**
 * Whether a log lets weights be predicted at all. A mixture may be unknown or untrue: file labels are sometimes a leftover
 * of another recipe, which the printed bits per weight give away; and tensors may have been placed by hand.
 */
import { PlimsollError } from '@plimsoll/foundation';
import { type ModelSpec, textParameterCount } from '@plimsoll/model-files/spec';
import { parseFileType } from '../../gguf-recipes/file-type.ts';
import { ggufFileBytes } from '../../gguf-recipes/gguf-spec.ts';
import type { LlamaCppRecord } from './log-record.ts';

export interface KnownWeights {
  /** The mixture to plan with; a common one when the file's own is not known. */
  readonly fileType: string;
  /** Why buffers of weights are not predicted, or null. */
  readonly unknownBecause: string | null;
}

/** Used for placement only, when the file's mixture is not known. */
const placeholderMixture = 'Q4_K_M';

/** Beyond this a label is not a variant of its mixture but another one. */
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

/** `-ot` patterns are seldom quoted in full, and without them the place of the experts is anyone's guess. */
function placedByHand({ notes }: LlamaCppRecord): string | null {
  return /expert overrides to CPU|override-tensor|-ot /.test(notes) && !/--n-cpu-moe|--cpu-moe/.test(notes)
    ? 'tensors were placed by patterns that the record does not state'
    : null;
}
