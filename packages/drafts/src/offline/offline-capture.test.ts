/** Features in a folder, with a real engine: whole, interrupted and continued, refused for other settings. */
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FeatureDataLoader, parseSampleRef, RefList } from '@plimsoll/dataflow';
import { defined } from '@plimsoll/foundation';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { answerFormOf } from '../data/chat-renderer.ts';
import { dataFile, rendererOf } from '../data/data.test-data.ts';
import type { EncodingOptions } from '../data/encoded-prompt.ts';
import { PromptPlan } from '../data/prompt-plan.ts';
import { PlimsollTarget } from '../targets/plimsoll-target.ts';
import { identity, plan, startEngine } from '../targets/targets.test-data.ts';
import { writeAnswers } from './answers-file.ts';
import { captureOffline, type OfflineReport } from './offline-capture.ts';
import { OfflineFolder, type OfflineSettings } from './offline-folder.ts';

const template =
  "{% for m in messages %}{{ m.role + ': ' + m.content + '\n' }}{% endfor %}{% if add_generation_prompt %}{{ 'assistant: ' }}{% endif %}";
let target: PlimsollTarget;
let encoding: EncodingOptions;

beforeAll(async () => {
  const engine = await startEngine();
  target = new PlimsollTarget(engine, identity);
  const tokenizer = defined(engine.tokenizer ?? undefined, 'the fixture has a tokenizer');
  const renderer = rendererOf(template);
  const chat = { renderer, form: await answerFormOf(renderer, tokenizer) };
  encoding = { tokenizer, chat, tokensMax: 96, tokensMin: 2, lastAnswerOnly: false };
});
afterAll(() => target.close());

function line(index: number): unknown {
  return {
    conversations: [
      { role: 'user', content: `${index}?` },
      { role: 'assistant', content: `It is ${index}.` },
    ],
  };
}

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'plimsoll-offline-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

const settings: OfflineSettings = { target: identity.sha256, layers: plan.layerIds, seed: 1 };
let writers = 0;

async function capture(
  path: string,
  folder: string,
  changes: OfflineSettings = {},
  stopAfter = 100,
): Promise<OfflineReport> {
  const files = await OfflineFolder.open({
    ...{ folder, settings: { ...settings, ...changes }, bytesMax: 2 ** 30 },
    ...{ writer: String(writers++).padStart(16, '0'), nowSeconds: () => Date.now() / 1000 },
  });
  const prompts = await PromptPlan.open({
    ...encoding,
    path,
    seed: 1,
    epochs: 1,
    promptsMax: null,
    faults: 'refuse',
  });
  const stop = new AbortController();
  try {
    return await captureOffline({
      ...{ folder: files, prompts, tokenizerVersion: 't', engine: target, plan, signal: stop.signal },
      onProgress: ({ captured }) => captured >= stopAfter && stop.abort(new Error('stopped')),
    });
  } finally {
    await prompts.close();
    await files.close();
  }
}

function refLines(folder: string): readonly string[] {
  return readFileSync(join(folder, 'refs.jsonl'), 'utf8').trimEnd().split('\n');
}

test('an interrupted capture continues, and ends as an unbroken one', async () => {
  const path = dataFile(Array.from({ length: 9 }, (_, index) => line(index)));
  const whole = newFolder();
  expect(await capture(path, whole)).toMatchObject({ captured: 9, existing: 0, failed: [] });
  const broken = newFolder();
  await expect(capture(path, broken, {}, 4)).rejects.toThrow('stopped');
  const before = refLines(broken).length;
  appendFileSync(join(broken, 'refs.jsonl'), '{"schemaVersion":1,"kind":"cap');
  rmSync(join(broken, 'features', readdirSync(join(broken, 'features'))[0] ?? ''));
  expect(await capture(path, broken)).toMatchObject({ captured: 10 - before, existing: before - 1 });
  const ids = (folder: string) => refLines(folder).map((text) => parseSampleRef(JSON.parse(text)).sampleId);
  expect(ids(broken)).toEqual(ids(whole));
  expect(readdirSync(join(broken, 'features'))).toHaveLength(9);
  expect(await capture(path, broken)).toMatchObject({ captured: 0, existing: 9 });
  await expect(capture(path, broken, { seed: 2 })).rejects.toMatchObject({
    code: 'features-of-other-settings',
    message: expect.stringContaining('with seed 1; this run asks for 2'),
  });
});

test('the loader reads the folder: the trained tokens are the answers', async () => {
  const folder = newFolder();
  await capture(dataFile([line(0), line(1)]), folder);
  const files = await OfflineFolder.open({
    ...{ folder, settings, bytesMax: 2 ** 30, writer: 'f'.repeat(16), nowSeconds: () => 0 },
  });
  const refs = refLines(folder).map((text) => parseSampleRef(JSON.parse(text)));
  const loader = new FeatureDataLoader({
    store: files.store,
    source: new RefList(refs, 2),
    batchSize: 1,
    readsMax: 1,
  });
  const answers: string[] = [];
  for await (const { tensors } of loader.batches()) {
    const ids = new Int32Array(Uint8Array.from(tensors.input_ids?.data ?? []).buffer);
    const mask = tensors.loss_mask?.data ?? [];
    answers.push(encoding.tokenizer.decode([...ids].filter((_, index) => mask[index] === 1)));
    expect(tensors.layer_states?.shape).toEqual([1, ids.length, 2 * target.hiddenSize]);
  }
  expect(answers.toSorted().map((text) => text.trim())).toEqual(['It is 0.', 'It is 1.']);
  await files.close();
});

test('answers are regenerated by the target, repeat with the seed, and continue', async () => {
  const path = dataFile(Array.from({ length: 5 }, (_, index) => line(index)));
  const folder = newFolder();
  const write = (output: string, changes: object = {}, signal?: AbortSignal) =>
    writeAnswers({
      ...{
        input: path,
        output: join(folder, output),
        promptsMax: null,
        ...(signal !== undefined && { signal }),
      },
      regeneration: {
        ...{
          engine: target,
          tokenizer: encoding.tokenizer,
          chat: defined(encoding.chat ?? undefined, 'a template'),
        },
        ...{ answerTokensMax: 8, tokensMax: 96, temperature: 1, seed: 3, ...changes },
      },
    });
  const report = await write('a.jsonl');
  expect(report).toMatchObject({ lines: 5, linesMax: 5 });
  expect(report.conversations + report.skipped).toBe(5);
  const text = readFileSync(join(folder, 'a.jsonl'), 'utf8');
  expect(text).not.toContain('It is');
  await write('b.jsonl');
  expect(readFileSync(join(folder, 'b.jsonl'), 'utf8')).toBe(text);
  appendFileSync(join(folder, 'b.jsonl'), '{"id":');
  expect(await write('b.jsonl')).toMatchObject({ conversations: report.conversations });
  expect(readFileSync(join(folder, 'b.jsonl'), 'utf8')).toBe(text);
  await expect(write('b.jsonl', { temperature: 0 })).rejects.toMatchObject({
    code: 'answers-of-other-settings',
  });
});
