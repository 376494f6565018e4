/**
 * A SampleRef names one training sample without its tensors: where the feature file is, what it holds, and which target
 * computed it. Queues, ledgers and other machines get refs; only the FeatureDataLoader turns a ref into tensors.
 */
import { z } from 'zod';
import { parseControlData } from './control-data.ts';

/** Version of refs and of the manifests in feature files. Refs of another version are refused. */
export const schemaVersion = 1;

/**
 * Element types of features, by their safetensors names. Hidden states are floats; token ids, masks and the indices of
 * top-k logits are integers.
 */
export const featureTypes = ['F32', 'F16', 'BF16', 'I64', 'I32', 'U8'] as const;
export type FeatureType = (typeof featureTypes)[number];

/**
 * `capture`: features of text that the target read. `replay`: blocks that a draft proposed and the target verified; their
 * `replay` record says what was proposed.
 */
export type SampleKind = 'capture' | 'replay';

/** The frozen model that computed the features. */
export interface TargetIdentity {
  readonly id: string;
  /** SHA-256 of its weights, in hexadecimal. */
  readonly sha256: string;
}

export interface FeatureSpec {
  readonly dtype: FeatureType;
  readonly shape: readonly number[];
  /** Layers whose outputs are concatenated in the last dimension; null for features that are no hidden states. */
  readonly layerIds: readonly number[] | null;
  /** The form of the target's distribution; null for features that do not hold it. */
  readonly targetForm: 'logits' | 'pruned-logits' | 'hidden-state' | null;
  /** How the file stores the elements: `q8` in 8 bits with a scale per 64 elements; absent as they are. */
  readonly encoding?: 'q8';
}

/** The one file that holds the features of a sample. A file is never changed after it is published. */
export interface FeatureFile {
  /** `file:` or `http:` URL of the published file. */
  readonly address: string;
  /** A repeated capture of the same sample publishes a new generation. */
  readonly generation: number;
  readonly bytes: number;
  /** SHA-256 of the file's header, in hexadecimal. The header holds the SHA-256 of every tensor. */
  readonly headerSha256: string;
}

export interface ReplayRecord {
  readonly proposedTokenIds: readonly number[];
  readonly acceptedLength: number;
}

export interface SampleRef {
  readonly schemaVersion: typeof schemaVersion;
  readonly kind: SampleKind;
  readonly sampleId: string;
  readonly runId: string;
  readonly taskId: string;
  /** Name of the training algorithm that reads the features. */
  readonly strategy: string;
  readonly target: TargetIdentity;
  readonly tokenizerVersion: string;
  /** Provenance only: features do not depend on the draft. Null for a capture without a draft. */
  readonly draftWeightVersion: string | null;
  readonly tokenCount: number;
  readonly features: Readonly<Record<string, FeatureSpec>>;
  readonly file: FeatureFile;
  readonly replay: ReplayRecord | null;
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** Safe as a file name once `:` is replaced, on every file system. */
const idForm = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,119}$/;
const idSchema = z.string().regex(idForm, 'letters, digits and . _ : -, at most 120 of them');
const hashSchema = z.string().regex(/^[0-9a-f]{64}$/, '64 hexadecimal digits');
const countSchema = z.int().nonnegative();
const featureNameSchema = z
  .string()
  .regex(/^[a-z][a-z0-9_.-]{0,63}$/, 'a lower-case name of at most 64 letters');

export const targetSchema = z.strictObject({ id: z.string().min(1).max(500), sha256: hashSchema });
const featuresSchema = z
  .record(
    featureNameSchema,
    z.strictObject({
      dtype: z.enum(featureTypes),
      shape: z.array(countSchema).min(1).max(8),
      layerIds: z.array(countSchema).min(1).max(256).nullable(),
      targetForm: z.enum(['logits', 'pruned-logits', 'hidden-state']).nullable(),
      encoding: z.literal('q8').exactOptional(),
    }),
  )
  .refine((features) => Object.keys(features).length > 0, 'a sample has features');

/** The fields of a ref that describe the sample and not its file; the manifest of the file repeats them. */
const descriptionShape = {
  kind: z.enum(['capture', 'replay']),
  sampleId: idSchema,
  runId: idSchema,
  taskId: idSchema,
  strategy: z.string().min(1).max(100),
  target: targetSchema,
  tokenizerVersion: z.string().max(200),
  draftWeightVersion: z.string().max(200).nullable(),
  tokenCount: countSchema,
  replay: z
    .strictObject({ proposedTokenIds: z.array(countSchema).max(4096), acceptedLength: countSchema })
    .nullable(),
  metadata: z.record(z.string(), z.unknown()),
};

const replayRule = {
  message: 'a sample has a replay record if and only if its kind is replay',
  path: ['replay'],
};

function hasReplayOfItsKind(sample: Pick<SampleRef, 'kind' | 'replay'>): boolean {
  return (sample.kind === 'replay') === (sample.replay !== null);
}

/** What a producer says about a sample when it puts the features. */
export type SampleDescription = Omit<SampleRef, 'schemaVersion' | 'features' | 'file'>;

const descriptionSchema = z.strictObject(descriptionShape).refine(hasReplayOfItsKind, replayRule);

/** The text in a feature file that describes its sample, so that a file is readable without its ref. */
export interface FeatureManifest extends SampleDescription {
  readonly schemaVersion: typeof schemaVersion;
  readonly generation: number;
  readonly features: Readonly<Record<string, FeatureSpec>>;
  /** SHA-256 of each tensor's bytes, in hexadecimal. */
  readonly sha256: Readonly<Record<string, string>>;
}

const manifestSchema = z.strictObject({
  ...descriptionShape,
  schemaVersion: z.literal(schemaVersion),
  generation: z.int().positive(),
  features: featuresSchema,
  sha256: z.record(featureNameSchema, hashSchema),
});

const sampleRefSchema = z
  .strictObject({
    ...descriptionShape,
    schemaVersion: z.literal(schemaVersion),
    features: featuresSchema,
    file: z.strictObject({
      address: z.string().max(4096),
      generation: z.int().positive(),
      bytes: z.int().positive(),
      headerSha256: hashSchema,
    }),
  })
  .refine(hasReplayOfItsKind, replayRule);

/** Checks a ref from another process or from a ledger. Throws `bad-sample-ref` or `tensor-in-control-plane`. */
export function parseSampleRef(value: unknown): SampleRef {
  return parseControlData(sampleRefSchema, value, {
    code: 'bad-sample-ref',
    name: 'sample ref',
    openFields: ['metadata'],
  });
}

/** Checks the manifest of a feature file. Throws `bad-feature-manifest`. */
export function parseFeatureManifest(value: unknown): FeatureManifest {
  return parseControlData(manifestSchema, value, {
    code: 'bad-feature-manifest',
    name: 'feature manifest',
    openFields: ['metadata'],
  });
}

/** Checks what a producer says about a sample. Throws `bad-sample` or `tensor-in-control-plane`. */
export function parseSampleDescription(value: unknown): SampleDescription {
  return parseControlData(descriptionSchema, value, {
    code: 'bad-sample',
    name: 'sample',
    openFields: ['metadata'],
  });
}

/** Sample ids are derived from the task, so that a second capture of the same prompt is recognised. */
export function sampleIdOf(task: { readonly runId: string; readonly taskId: string }): string {
  return `${task.runId}:${task.taskId}`;
}
