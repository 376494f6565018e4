import { PlimsollError } from '@plimsoll/foundation';
import { expect, test } from 'vitest';
import { chatMl, dataFile, encodingOptions } from './data.test-data.ts';
import { PromptPlan, type PromptPlanOptions } from './prompt-plan.ts';

const fields = { runId: 'run', target: { id: 'target', sha256: 'a'.repeat(64) }, tokenizerVersion: 't' };

function line(index: number): unknown {
  return {
    id: `c${index}`,
    conversations: [
      { role: 'user', content: `${index}?` },
      { role: 'assistant', content: `${index}.` },
    ],
  };
}

async function openPlan(
  lines: readonly unknown[],
  changes: Partial<PromptPlanOptions> = {},
): Promise<PromptPlan> {
  const options = await encodingOptions(chatMl);
  return PromptPlan.open({
    ...{ ...options, path: dataFile(lines), seed: 1, epochs: 1, promptsMax: null, faults: 'refuse' },
    ...changes,
  } as PromptPlanOptions);
}

async function taskIds(plan: PromptPlan): Promise<readonly string[]> {
  const ids: string[] = [];
  for await (const { taskId, planIndex } of plan.tasks(fields)) {
    expect(planIndex).toBe(ids.length);
    ids.push(taskId);
  }
  return ids;
}

test('a seed gives one order, each epoch another, and every line once per epoch', async () => {
  const lines = Array.from({ length: 40 }, (_, index) => line(index));
  const plan = await openPlan(lines, { epochs: 2 });
  const ids = await taskIds(plan);
  expect(await taskIds(plan)).toEqual(ids);
  const [first, second] = [ids.slice(0, 40), ids.slice(40)].map((epoch) =>
    epoch.map((id) => id.split('-')[1]),
  );
  expect(second).not.toEqual(first);
  expect(first?.toSorted()).toEqual(second?.toSorted());
  expect(new Set(ids).size).toBe(80);
  const other = await openPlan(lines, { seed: 2 });
  expect(await taskIds(other)).not.toEqual(ids.slice(0, 40));
  expect(plan.dataSha256).toBe(other.dataSha256);
  await Promise.all([plan.close(), other.close()]);
});

test('held-out prompts are the first of the plan, and no epoch trains them', async () => {
  const lines = Array.from({ length: 20 }, (_, index) => line(index));
  const plan = await openPlan(lines, { epochs: 2, promptsMax: 12 });
  const linesOf = async (part: 'trained' | 'held-out'): Promise<readonly string[]> => {
    const found: string[] = [];
    for await (const { taskId } of plan.tasks(fields, { heldOutCount: 3, part }))
      found.push(taskId.split('-')[1] ?? '');
    return found;
  };
  const all = (await taskIds(plan)).map((id) => id.split('-')[1]);
  const [heldOut, trained] = [await linesOf('held-out'), await linesOf('trained')];
  expect(heldOut).toEqual(all.slice(0, 3));
  expect(trained.slice(0, 9)).toEqual(all.slice(3, 12));
  expect(trained.slice(9).toSorted()).toEqual(trained.slice(0, 9).toSorted());
  await plan.close();
});

test('faults stop the plan with their line, or are counted', async () => {
  const lines = ['', line(0), '{"conversations": [', { conversations: [] }, [], line(1)];
  const refusing = await openPlan(lines);
  await expect(taskIds(refusing)).rejects.toThrow(/data\.jsonl, line [345]: /);
  await refusing.close();
  const skipping = await openPlan(lines, { faults: 'skip' });
  expect((await taskIds(skipping)).toSorted()).toEqual(['e0-l2', 'e0-l6']);
  expect(skipping.counts).toMatchObject({ prompts: 2, skipped: { faulty: 3, 'no-answer': 0 } });
  await skipping.close();
});

test('a plan without prompts tells why', async () => {
  const plan = await openPlan([{ conversations: [{ role: 'user', content: 'Hi' }] }, '{}'], {
    faults: 'skip',
  });
  const error = await taskIds(plan).catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(PlimsollError);
  expect(String(error)).toMatch('no line that can be trained (1 no-answer, 1 faulty); the first fault: ');
  await plan.close();
  await expect(openPlan([], { path: '/nowhere/data.jsonl' })).rejects.toMatchObject({
    code: 'data-file-unreadable',
  });
});
