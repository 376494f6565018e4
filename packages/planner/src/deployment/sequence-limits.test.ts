/** A setting of the engine can limit the users while memory has room; the plan says which of the two is the limit. */
import { expect, test } from 'vitest';
import type { PlanRequest } from '../engines/engine-list.ts';
import { type Plan, plan } from '../plan.ts';
import { request } from '../test-models.ts';

function planned(contextTokens: number, users: number, options: Partial<PlanRequest> = {}): Plan {
  return plan(request({ engine: 'vllm', ...options, workload: { contextTokens, users } }));
}

function limits({ notes }: Plan): readonly string[] {
  return notes.filter((note) => /limits|instead of/.test(note));
}

test('a note names the setting that limits the sequences', () => {
  const short = planned(1, 1);
  expect(short.capacity.usersMax).toBe(1024);
  expect(limits(short)).toEqual(['--max-num-seqs limits the users to 1,024; memory has room for more']);
  expect(limits(planned(1, 1, { options: { maxNumSeqs: 64 } }))).toEqual([
    '--max-num-seqs limits the users to 64; memory has room for more',
  ]);
  const groups = planned(1, 1, { parallelism: { tensor: 1, pipeline: 1, data: 2, expertParallel: false } });
  expect(limits(groups)).toEqual([
    '--max-num-seqs (1,024 in each of 2 groups) limits the users to 2,048; memory has room for more',
  ]);
  expect(limits(planned(1, 1, { engine: 'llama.cpp' }))).toEqual([
    "llama.cpp's LLAMA_MAX_SEQ limits the users to 256; memory has room for more",
  ]);
  expect(limits(planned(1, 1, { engine: 'plimsoll' }))).toEqual([
    '--max-seqs limits the users to 1,024; memory has room for more',
  ]);
});

test('if memory is the limit, no note mentions a setting', () => {
  expect(limits(planned(8192, 1))).toEqual([]);
  expect(limits(planned(8192, 1, { engine: 'none' }))).toEqual([]);
});

test('a note names a limit that the planner raises, with its value and its cost', () => {
  const raised = planned(1024, 2000);
  expect(limits(raised)).toContain(
    '--max-num-seqs is 2,000 here instead of 1,024, for the 2,000 users asked; activations grow with it',
  );
  const most = planned(8192, 100_000);
  expect(most.capacity.usersMax).toBe(55);
  expect(limits(most)).toEqual([
    '--max-num-seqs is 8,192 here instead of 1,024, the most that --max-num-batched-tokens allows, for the 100,000 users asked; activations grow with it',
  ]);
  expect(limits(planned(8192, 100, { options: { maxNumSeqs: 64 } }))).toEqual([]);
});
