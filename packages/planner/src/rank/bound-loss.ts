/** Finds candidates that break a lower bound. */
import { formatBytes } from '@plimsoll/foundation';
import type { ModelSpec } from '@plimsoll/model-files/spec';
import type { KvFormat } from '../bytes/kv-format.ts';
import { createMemo, remember } from '../bytes/memo.ts';
import { weightFormat } from '../bytes/weight-format.ts';
import { engineFace, type PlanRequest } from '../engines/engine-list.ts';
import { ggufSpec } from '../gguf-recipes/gguf-spec.ts';
import { defaultKvFormat } from '../question/plan-input.ts';
import { type Loss, milliseconds } from './candidate.ts';
import { type LowerBounds, lowerBounds } from './lower-bounds.ts';
import type { RankQuestion } from './rank-question.ts';
import type { WeightChoice } from './weight-choices.ts';

interface Devices {
  readonly question: Pick<RankQuestion, 'tpotSecondsMax'>;
  readonly device: PlanRequest['hardware'];
  readonly count: number;
}

/** Returns the loss of a candidate that breaks a lower bound in its layout; null if it may serve. */
export function boundLoss(
  { question, device, count }: Devices,
  choice: WeightChoice,
  request: PlanRequest,
): Loss | null {
  const bounds = boundsOf(choice, request);
  if (bounds === null) return null;
  const { weightBytes, cacheBytes, readBytes } = bounds;
  const { usableBytes, bandwidthBytesPerSecond } = device.memory;
  const missing = (weightBytes + cacheBytes) / count - usableBytes;
  if (missing > 0) {
    const what =
      weightBytes / count > usableBytes
        ? `the weights of the layers alone take ${formatBytes(weightBytes)}`
        : `layers and cache take ${formatBytes(weightBytes + cacheBytes)}`;
    const whose = count === 1 ? 'the device has' : `${count} devices have`;
    const message = `${what}, ${whose} ${formatBytes(count * usableBytes)}`;
    return { stage: 'cannot-fit', distance: missing, message };
  }
  const { tpotSecondsMax } = question;
  const { pipeline } = request.parallelism;
  const readSeconds = (readBytes * pipeline + cacheBytes) / (count * bandwidthBytesPerSecond);
  if (tpotSecondsMax === undefined || readSeconds <= tpotSecondsMax) return null;
  const message = `reading weights and cache takes ${milliseconds(readSeconds)} per token, over ${milliseconds(tpotSecondsMax)}`;
  return { stage: 'too-slow', distance: readSeconds / tpotSecondsMax, message };
}

const boundsMemo = createMemo<LowerBounds>();

/** Returns the bounds of a candidate; null if the types in its file are unknown before the plan. */
function boundsOf({ spec, format }: WeightChoice, request: PlanRequest): LowerBounds | null {
  const isFile = engineFace(request.engine).loads === 'gguf';
  const stored = isFile ? storedSpec(spec, format, request.engineVersion) : spec;
  if (stored === null) return null;
  const { workload } = request;
  const weights = weightFormat(stored, isFile ? {} : { format: format ?? undefined });
  const kvFormat: KvFormat = request.kvFormat ?? (isFile ? 'fp16' : defaultKvFormat(spec, weights.base));
  const key = [weights.label, kvFormat, workload.users, workload.contextTokens].join('|');
  return remember(boundsMemo, stored, key, () =>
    lowerBounds(stored, { format: weights, kvFormat }, workload),
  );
}

function storedSpec(spec: ModelSpec, mixture: string | null, version: string | undefined): ModelSpec | null {
  if (spec.source === 'gguf') return spec;
  return mixture === null || version !== undefined ? null : ggufSpec(spec, mixture);
}
