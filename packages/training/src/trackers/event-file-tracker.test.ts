import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { crc32c } from './crc32c.ts';
import { EventFileTracker } from './event-file-tracker.ts';

test('checksums of published vectors', () => {
  expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283);
  expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
});

test('a run and its resumption are files that TensorBoard reads', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'plimsoll-events-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  let now = 1_700_000_000;
  const nowSeconds = () => now++;
  const first = await EventFileTracker.open({ folder, fromStep: 0, nowSeconds });
  for (const step of [1, 2, 300]) {
    const values = { 'train/loss': 5 / step, 'eval/accuracy/0': null, 'eval/accuracy/1': step / 1000 };
    await first.record({ step, values });
  }
  await first.close();
  const resumed = await EventFileTracker.open({ folder, fromStep: 2, nowSeconds });
  for (const step of [3, 70_000]) await resumed.record({ step, values: { 'train/loss': -1.5 * step } });
  await resumed.close();
  const names = readdirSync(folder).toSorted();
  const files = names.map((name) => [name, readFileSync(join(folder, name), 'base64')]);
  const fixture = new URL('../../../../fixtures/training/event-files.json', import.meta.url);
  expect(files).toEqual(JSON.parse(readFileSync(fixture, 'utf8')).files);
});
