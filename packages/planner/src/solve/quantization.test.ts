import { expect, test } from 'vitest';
import { prepare } from '../engines/engines.ts';
import { request } from '../test-models.ts';
import { codeOf, column, output, solved } from './solve.test-data.ts';

test('fewer bits never take more memory or hold fewer users; bytes are those of a plan in the format', () => {
  const replica = request({ model: 'meta-llama/Llama-3.1-8B-Instruct', gpu: 'b200' });
  const result = solved('quantization', {}, { replica });
  const rows = (result.rows ?? []).filter(({ kv }) => kv === 'bf16');
  expect(rows.map(({ weights }) => weights)).toEqual(['bf16', 'fp8', 'awq', 'nvfp4']);
  expect(rows[0]?.weightBytes).toBe(prepare(replica).weightBytes);
  expect(rows[1]?.weightBytes).toBe(prepare({ ...replica, weights: 'fp8' }).weightBytes);
  expect(output(result, 'compression')).toBeGreaterThan(2.5);
  for (const [index, row] of rows.entries()) {
    const next = rows[index + 1];
    if (next === undefined || next.weights === 'nvfp4') continue;
    expect(Number(next.weightBytes)).toBeLessThan(Number(row.weightBytes));
    expect(Number(next.usersMax)).toBeGreaterThanOrEqual(Number(row.usersMax));
  }
});

test('a smaller cache holds more users and reads less', () => {
  const rows = solved('quantization', {}, { replica: request({}) }).rows ?? [];
  const [wide, narrow] = rows;
  expect(Number(narrow?.usersMax)).toBeGreaterThan(1.9 * Number(wide?.usersMax));
  expect(Number(narrow?.tpotSeconds)).toBeLessThan(Number(wide?.tpotSeconds));
});

test('a format that does not fit has no speed; the answer names one that does', () => {
  const replica = request({ model: 'Qwen/Qwen3-32B', gpu: 'rtx-4090' });
  const result = solved('quantization', { users: 1 }, { replica });
  expect(result.outputs.smallest).toContain('awq');
  expect(result.rows?.every(({ fits, tpotSeconds }) => fits === (tpotSeconds !== null))).toBe(true);
});

test('no accuracy figure appears', () => {
  const result = solved('quantization', {}, { replica: request({}) });
  expect(JSON.stringify(result)).not.toMatch(/accura/i);
  expect(column(result, 'bitsPerParameter')[0]).toBeCloseTo(16, 6);
});

test('without a format that fits, the answer is infeasible', () => {
  const replica = request({ model: 'deepseek-ai/DeepSeek-V3', gpu: 'rtx-4090' });
  expect(codeOf(() => solved('quantization', {}, { replica }))).toBe('infeasible');
});
