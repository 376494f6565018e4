/** Whose the figures of the verdict are: bytes are those of one device, users are those of all. */
import { modelSpecFromRecord } from '@plimsoll/model-files/config';
import { plan } from '@plimsoll/planner';
import { resolveHardware, resolveModel } from '@plimsoll/registry';
import { expect, test } from 'vitest';
import { renderPlan } from './plan-text.ts';

test('missing bytes are said of each device, users of all devices', () => {
  const answer = plan({
    spec: modelSpecFromRecord(resolveModel('meta-llama/Llama-3.3-70B-Instruct')),
    hardware: resolveHardware('h100'),
    parallelism: { tensor: 4, pipeline: 1, data: 2, expertParallel: false },
    engine: 'vllm',
    workload: { contextTokens: 32_768, users: 40 },
  });
  const text = renderPlan(answer, { explain: false });
  expect(text).toMatch(
    /DOES NOT FIT, [\d.]+ GiB short on each device: it starts, but 28 of 40 users run at once\n/,
  );
  expect(text).toContain('lay out the same 8 devices as tp8');
});
