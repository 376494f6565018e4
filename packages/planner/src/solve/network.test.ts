import { expect, test } from 'vitest';
import { prepare } from '../engines/engines.ts';
import { request } from '../test-models.ts';
import { column, output, solved } from './solve.test-data.ts';

const parallelism = { tensor: 4, pipeline: 1, data: 1, expertParallel: false };
const replica = request({ model: 'meta-llama/Llama-3.1-70B-Instruct', parallelism });

test('one device has no network; more devices spend a larger share on it and are still faster', () => {
  const result = solved('network', {}, { replica });
  expect(column(result, 'tp')).toEqual([1, 2, 4, 8, 16]);
  const shares = column(result, 'tpotNetworkShare');
  expect(shares[0]).toBe(0);
  expect(shares).toEqual(shares.toSorted((left, right) => left - right));
  const [one, two] = column(result, 'tpotSeconds');
  expect(two).toBeLessThan(one ?? 0);
});

test('step and network add up to the step of a plan; the row of the layout is the answer', () => {
  const result = solved('network', { users: 8 }, { replica });
  expect(output(result, 'tpotSeconds')).toBe(prepare(replica).speed.decodeSeconds(8, 4096));
  expect(column(result, 'tpotSeconds')[2]).toBe(output(result, 'tpotSeconds'));
  const share = output(result, 'tpotNetworkSeconds') / output(result, 'tpotSeconds');
  expect(share).toBeCloseTo(output(result, 'tpotNetworkShare'), 12);
});

test('a tensor parallelism that does not divide the heads has no row', () => {
  const odd = request({ model: 'microsoft/phi-2' });
  const tps = column(
    solved('network', { tpMax: 64, contextTokens: 1024, promptTokens: 1024 }, { replica: odd }),
    'tp',
  );
  expect(tps).not.toContain(64);
});
