/** Recordings for batches of different lengths. A batch runs in the shortest bucket that holds it. */
import { PlimsollError } from '@plimsoll/foundation';
import { type Features, sizeOf } from './feature-values.ts';

export interface BucketShape {
  readonly sequences: number;
  readonly length: number;
}

export interface Bucket<Recorded> extends BucketShape {
  readonly training: Recorded;
  readonly evaluation: Recorded;
}

export class Buckets<Recorded> {
  readonly all: readonly Bucket<Recorded>[];

  /** Records a training and an evaluation for each length. */
  constructor(
    sequences: number,
    lengths: readonly number[],
    record: (shape: BucketShape & { readonly trains: boolean }) => Recorded,
  ) {
    this.all = lengths
      .toSorted((left, right) => left - right)
      .map((length) => ({
        ...{ sequences, length },
        training: record({ sequences, length, trains: true }),
        evaluation: record({ sequences, length, trains: false }),
      }));
  }

  get recorded(): readonly Recorded[] {
    return this.all.flatMap(({ training, evaluation }) => [training, evaluation]);
  }

  /** Throws `batch-too-long` or `batch-too-large`. */
  bucketOf(batch: Features): Bucket<Recorded> {
    const { samples, tokens } = sizeOf(batch);
    const bucket = this.all.find(({ length }) => length >= tokens);
    if (bucket === undefined)
      throw new PlimsollError({
        code: 'batch-too-long',
        message: `a batch of ${tokens} tokens is longer than every bucket`,
        value: tokens,
        limit: this.all.at(-1)?.length ?? 0,
        hint: 'cut samples at maxLength when they are captured',
      });
    if (samples <= bucket.sequences) return bucket;
    throw new PlimsollError({
      code: 'batch-too-large',
      message: `a batch has ${samples} samples, its recording ${bucket.sequences}`,
      value: samples,
      limit: bucket.sequences,
      hint: 'load batches of the batch size that the strategy was opened with',
    });
  }
}
