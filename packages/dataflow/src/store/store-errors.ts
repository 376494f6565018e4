/** Errors that more than one store throws. */
import { formatBytes, PlimsollError } from '@plimsoll/foundation';
import { systemErrorCode } from '@plimsoll/foundation/system-error';
import type { SampleRef } from '../contracts/sample-ref.ts';

export function featuresGone(ref: SampleRef): PlimsollError {
  return new PlimsollError({
    code: 'features-gone',
    message: `the features of sample ${ref.sampleId}, generation ${ref.file.generation}, are gone`,
    value: ref.file.address,
    limit: 'features that were neither consumed nor aborted',
    hint: 'capture the sample again',
  });
}

interface Room {
  readonly held: number;
  readonly bytes: number;
  readonly bytesMax: number;
}

export function storeFull(folder: string, { held, bytes, bytesMax }: Room): PlimsollError {
  return new PlimsollError({
    code: 'feature-store-full',
    message: `${folder} holds ${formatBytes(held)} of features; ${formatBytes(bytes)} more exceed its limit`,
    value: held + bytes,
    limit: bytesMax,
    hint: 'raise the limit of the store, or lower the byte watermark so that producers pause earlier',
  });
}

/** `feature-disk-full` if the disk or the quota is full, else `feature-write-failed`. */
export function writeFailed(path: string, bytes: number, cause: unknown): PlimsollError {
  const reason = systemErrorCode(cause) ?? (cause instanceof Error ? cause.message : String(cause));
  const isFull = reason === 'ENOSPC' || reason === 'EDQUOT';
  return new PlimsollError(
    {
      code: isFull ? 'feature-disk-full' : 'feature-write-failed',
      message: isFull
        ? `the disk has no room for the ${formatBytes(bytes)} of ${path}`
        : `${path} cannot be written (${reason})`,
      value: isFull ? bytes : reason,
      limit: isFull ? 'the room on the disk' : undefined,
      hint: isFull ? 'free space, or name a folder on another disk' : 'check the folder and its permissions',
    },
    { cause },
  );
}
