/**
 * What a run expects of every sample: its target, and for each feature the layers, type and width. A server that captures
 * other layers than the recipe names trains a draft that never accepts a token, so a mismatch is refused at commit.
 */
import { PlimsollError } from '@plimsoll/foundation';
import type { FeatureSpec, SampleRef, TargetIdentity } from './sample-ref.ts';

export interface ExpectedFeature extends Omit<FeatureSpec, 'shape'> {
  /** Size of the last dimension. */
  readonly width: number;
}

export interface CaptureContract {
  readonly runId: string;
  readonly strategy: string;
  readonly target: TargetIdentity;
  readonly tokenizerVersion: string;
  /** The features of every sample: no others, none missing. */
  readonly features: Readonly<Record<string, ExpectedFeature>>;
}

/**
 * Throws `foreign-run`, `foreign-strategy`, `foreign-target`, `foreign-tokenizer`, `missing-feature`, `unknown-feature`,
 * `foreign-layers` or `feature-mismatch`.
 */
export function checkCapture(ref: SampleRef, contract: CaptureContract): void {
  const compare = (code: string, field: string, found: string, expected: string): void => {
    if (found === expected) return;
    throw captureError(code, `sample ${ref.sampleId} has ${field} ${found}`, found, expected);
  };
  compare('foreign-run', 'run', ref.runId, contract.runId);
  compare('foreign-strategy', 'strategy', ref.strategy, contract.strategy);
  compare('foreign-target', 'target', ref.target.id, contract.target.id);
  compare('foreign-target', 'target weights with SHA-256', ref.target.sha256, contract.target.sha256);
  compare('foreign-tokenizer', 'tokenizer', ref.tokenizerVersion, contract.tokenizerVersion);
  const names = Object.keys(contract.features).join(', ');
  for (const name of Object.keys(ref.features)) {
    if (Object.hasOwn(contract.features, name)) continue;
    throw captureError('unknown-feature', `sample ${ref.sampleId} has feature "${name}"`, name, names);
  }
  for (const [name, expected] of Object.entries(contract.features)) {
    const found = ref.features[name];
    if (found === undefined)
      throw captureError('missing-feature', `sample ${ref.sampleId} lacks feature "${name}"`, null, names);
    const of = `feature "${name}"`;
    compare('foreign-layers', `${of} of layers`, layerText(found.layerIds), layerText(expected.layerIds));
    compare('feature-mismatch', `${of} of type`, found.dtype, expected.dtype);
    compare('feature-mismatch', `${of} of form`, String(found.targetForm), String(expected.targetForm));
    compare('feature-mismatch', `${of} of encoding`, found.encoding ?? 'none', expected.encoding ?? 'none');
    compare('feature-mismatch', `${of} of width`, String(found.shape.at(-1)), String(expected.width));
  }
}

function layerText(layerIds: readonly number[] | null): string {
  return layerIds === null ? 'none' : layerIds.join(', ');
}

function captureError(code: string, message: string, value: string | null, limit: string): PlimsollError {
  return new PlimsollError({
    code,
    message: `${message}; the recipe expects ${limit}`,
    value: value ?? undefined,
    limit,
    hint: 'start the target with the model and layers that the recipe names',
  });
}
