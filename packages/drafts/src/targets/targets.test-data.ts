/** For tests: a small target in this process, and its states as the engine's observer sees them. */
import { join } from 'node:path';
import { createEngine, type Engine, openModel } from '@plimsoll/engine';
import type { HiddenLayer } from '@plimsoll/engine/hidden-states';
import { MiB } from '@plimsoll/foundation';
import type { CapturePlan } from './sample-features.ts';

export const identity = { id: 'example/llama', sha256: 'b'.repeat(64) };
export const plan: CapturePlan = { strategy: 'eagle3', layerIds: [1, 0], hasFinal: true, statesType: 'F32' };
export const prompts = [4, 9, 17].map((length, index) =>
  Array.from({ length }, (_, token) => 5 + ((token * 31 + index * 7) % 200)),
);

export async function startEngine(hiddenStatesBytes = 4 * MiB): Promise<Engine> {
  const path = join(import.meta.dirname, '../../../../fixtures/engine/llama-3/checkpoint');
  return createEngine({
    model: await openModel(path),
    memoryBytes: 512 * MiB,
    options: {
      sequencesMax: 2,
      contextMax: 128,
      kvFormat: 'fp32',
      threads: 1,
      stagingBytes: 0,
      hiddenStatesBytes,
    },
  });
}

/** [tokens, hidden size] */
export async function observed(
  engine: Engine,
  prompt: readonly number[],
  layer: HiddenLayer,
): Promise<Float32Array> {
  const size = engine.model.graph.hiddenSize;
  const rows = new Float32Array(prompt.length * size);
  await engine.observe(prompt, {
    capture: { layers: new Set([layer]), take: (_, start, taken) => rows.set(taken, start * size) },
  });
  return rows;
}

export function largestDistance(left: Float32Array, right: Float32Array): number {
  if (left.length !== right.length) return Number.POSITIVE_INFINITY;
  return left.reduce((largest, value, index) => Math.max(largest, Math.abs(value - (right[index] ?? 0))), 0);
}
