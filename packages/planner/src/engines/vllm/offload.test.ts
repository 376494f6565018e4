/** Weights that vLLM keeps in host memory. Expected figures follow from the shapes of Llama 3.1 8B. */
import { expect, test } from 'vitest';
import { request } from '../../test-models.ts';
import type { PlanRequest } from '../engine-list.ts';
import type { VllmDeployment } from './deployment.ts';
import { offloadSettings } from './offload-options.ts';
import type { VllmOptions } from './options.ts';
import { prepareVllm } from './profile.ts';

function prepared(options: VllmOptions): VllmDeployment {
  return prepareVllm(request({ engine: 'vllm', engineVersion: '0.22.0', options } as Partial<PlanRequest>));
}

function weights({ fixed }: VllmDeployment, tier: 'device' | 'host'): number {
  return fixed
    .filter((entry) => entry.category === 'weights' && entry.tier === tier)
    .reduce((sum, entry) => sum + entry.bytes, 0);
}

/** Projections, gated feed-forward and two norms of a layer, two bytes each. */
const layerBytes = 2 * (4096 * (4096 + 2 * 1024) + 4096 * 4096 + 3 * 4096 * 14336 + 2 * 4096);

test('the last layers of each group are in host memory, with a buffer for each layer that is copied ahead', () => {
  const plain = prepared({});
  const grouped = prepared({ offloadGroupLayers: 8, offloadedInGroup: 2, prefetchedLayers: 3 });
  expect(weights(grouped, 'host')).toBe(8 * layerBytes);
  expect(weights(grouped, 'device')).toBe(weights(plain, 'device') - (8 - 3) * layerBytes);
  expect(grouped.blocks).toBeGreaterThan(plain.blocks);
});

test('there are no more buffers than offloaded layers', () => {
  const few = prepared({ offloadGroupLayers: 16, prefetchedLayers: 100 });
  expect(weights(few, 'host')).toBe(2 * layerBytes);
  expect(weights(few, 'device')).toBe(weights(prepared({}), 'device'));
});

test('groups win over bytes unless the backend says otherwise', () => {
  const both = { cpuOffloadGib: 2, offloadGroupLayers: 4 };
  expect(offloadSettings(both)).toEqual({
    readBytes: 0,
    names: [],
    groups: { layers: 4, offloaded: 1, prefetched: 1 },
  });
  expect(offloadSettings({ ...both, offloadBackend: 'uva' })).toEqual({
    readBytes: 2 ** 31,
    groups: null,
    names: [],
  });
  expect(offloadSettings({ cpuOffloadGib: 2, offloadBackend: 'prefetch' })).toEqual({
    readBytes: 0,
    groups: null,
    names: [],
  });
});

test('names limit the parameters that move, by the names of the checkpoint or of vLLM', () => {
  const plain = weights(prepared({}), 'device');
  const down = 32 * 2 * 4096 * 14336;
  for (const name of ['down_proj', 'mlp.down_proj'])
    expect(weights(prepared({ cpuOffloadGib: 100, offloadNames: [name] }), 'host')).toBe(down);
  const fused = prepared({ cpuOffloadGib: 100, offloadNames: ['gate_up_proj'] });
  expect(weights(fused, 'host')).toBe(2 * down);
  expect(weights(fused, 'device')).toBe(plain - 2 * down);
  const few = prepared({ cpuOffloadGib: 1, offloadNames: ['down_proj', 'experts'] });
  expect(weights(few, 'host')).toBe(2 ** 30);
  expect(weights(prepared({ cpuOffloadGib: 1, offloadNames: ['down'] }), 'host')).toBe(0);
  const groups = prepared({ offloadGroupLayers: 8, offloadedInGroup: 2, groupNames: ['down_proj'] });
  expect(weights(groups, 'host')).toBe(down / 4);
  expect(weights(groups, 'device')).toBe(plain - down / 4 + down / 32);
});
