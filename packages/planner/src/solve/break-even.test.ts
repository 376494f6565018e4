import { expect, test } from 'vitest';
import { request } from '../test-models.ts';
import { crossingOf } from './break-even.ts';
import { codeOf, field, mlsysim, output, solved } from './solve.test-data.ts';

const replica = request({});
const prices = { inputPrice: 0.2, outputPrice: 0.6 };

test('mlsysim 0.3.0: the same crossing for its rate and prices', () => {
  const [vector] = mlsysim('DedicatedBreakEvenModel');
  const { given, answer } = vector ?? { given: {}, answer: {} };
  const perToken = (field(answer, 'api_price') - field(given, 'variable_price')) / 1e6;
  const crossing = crossingOf({
    ownPerHourUsd: field(given, 'fixed_per_hour'),
    apiPerRequestUsd: perToken,
    requestsPerSecond: field(answer, 'reference_hour_tokens') / 3600,
  });
  expect(crossing).toBeCloseTo(field(answer, 'crossing'), 12);
});

test('at the break-even load both cost the same; above it own devices are cheaper', () => {
  const load = output(solved('break-even', prices, { replica }), 'breakEvenLoad');
  expect(load).toBeGreaterThan(0);
  expect(load).toBeLessThan(1);
  const even = solved('break-even', { ...prices, load }, { replica });
  expect(output(even, 'savingPerHourUsd')).toBeCloseTo(0, 9);
  expect(solved('break-even', { ...prices, load: load * 1.01 }, { replica }).outputs.cheaper).toBe(
    'own devices',
  );
  expect(solved('break-even', { ...prices, load: load * 0.99 }, { replica }).outputs.cheaper).toBe('API');
});

test('a cache here and there lowers both sides; a free API is never beaten', () => {
  const cached = { ...prices, cachedPrice: 0.02, cachedTokens: 1024 };
  const result = solved('break-even', cached, { replica });
  const base = solved('break-even', prices, { replica });
  expect(output(result, 'apiPerRequestUsd')).toBeLessThan(output(base, 'apiPerRequestUsd'));
  expect(output(result, 'capacityRequestsPerSecond')).toBeGreaterThan(
    output(base, 'capacityRequestsPerSecond'),
  );
  const free = solved('break-even', { inputPrice: 0, outputPrice: 0 }, { replica });
  expect(free.outputs).toMatchObject({ breakEvenLoad: null, cheaper: 'API' });
});

test('a device without a price needs one', () => {
  expect(codeOf(() => solved('break-even', prices, { replica: request({ gpu: 'h20' }) }))).toBe('infeasible');
});
