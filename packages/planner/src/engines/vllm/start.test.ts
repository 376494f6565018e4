/** Checks that vLLM makes before it serves, and changes that pass them. */
import { resolveHardware } from '@plimsoll/registry';
import { describe, expect, test } from 'vitest';
import { plan } from '../../plan.ts';
import { request } from '../../test-models.ts';

describe('vLLM starts', () => {
  test('with a model that fits', () => {
    const { start } = plan(request({ engine: 'vllm', engineVersion: '0.22.0' }));
    expect(start).toEqual({ starts: true, reason: null, fix: null });
  });

  test('with fewer sequences than blocks of recurrent state', () => {
    const asked = request({
      model: 'Qwen/Qwen3.6-27B',
      weights: 'fp8',
      engine: 'vllm',
      engineVersion: '0.22.0',
      options: { gpuMemoryUtilization: 0.95 },
      workload: { contextTokens: 262144, users: 1 },
    });
    const { start, capacity, engine, fits } = plan(asked);
    expect(fits).toBe(true);
    expect(start.reason?.code).toBe('state-blocks');
    expect(capacity.stateBlocks).toBe(capacity.printed?.blocks);
    expect(start.fix?.flags).toBe('--max-num-seqs 512');
    expect(engine.command).toContain('--max-num-seqs 512');
    expect(plan({ ...asked, options: { ...asked.options, maxNumSeqs: 512 } }).start.starts).toBe(true);
    // Releases before 0.20 captured fewer graphs instead.
    expect(plan({ ...asked, engineVersion: '0.19.0' }).start.starts).toBe(true);
  });

  test('with a context that one sequence can have', () => {
    const asked = request({
      model: 'meta-llama/Llama-3.1-8B-Instruct',
      gpu: 'rtx-4090',
      engine: 'vllm',
      engineVersion: '0.19.0',
      workload: { contextTokens: 131072, users: 1 },
    });
    const { start } = plan(asked);
    expect(start.reason?.code).toBe('length-above-pool');
    const length = Number(/--max-model-len (\d+)/.exec(start.fix?.command ?? '')?.[1]);
    expect(length).toBeGreaterThan(1000);
    expect(plan({ ...asked, workload: { contextTokens: length, users: 1 } }).start.starts).toBe(true);
  });

  test('with a share of the memory that is free', () => {
    const asked = request({ engine: 'vllm', options: { gpuMemoryUtilization: 1 } });
    const { start } = plan(asked);
    expect(start.reason?.code).toBe('share-above-free');
    expect(start.fix?.flags).toBe('--gpu-memory-utilization 0.99');
  });

  test('with the cache of all stages within one card, in 0.14 and 0.15 only', () => {
    const asked = (engineVersion: string) =>
      request({
        model: 'Qwen/Qwen3-30B-A3B-FP8',
        gpu: 'rtx-5090',
        engine: 'vllm',
        engineVersion,
        parallelism: { tensor: 1, pipeline: 2, data: 1, expertParallel: false },
        workload: { contextTokens: 40960 * 4, users: 1 },
      });
    expect(plan(asked('0.15.1')).start.reason?.code).toBe('whole-model-above-card');
    expect(plan(asked('0.13.0')).start.starts).toBe(true);
    expect(plan(asked('0.16.0')).start.starts).toBe(true);
  });

  test('with the cache of all stages within the smaller of two unlike cards', () => {
    const devices = ['rtx-5070-ti', 'rtx-5090'].map((name) => resolveHardware(name));
    const asked = (engineVersion: string) => ({
      ...request({
        model: 'Qwen/Qwen3-30B-A3B-FP8',
        gpu: 'rtx-5070-ti',
        engine: 'vllm',
        engineVersion,
        parallelism: { tensor: 1, pipeline: 2, data: 1, expertParallel: false },
        options: { layerPartition: [16, 32] },
        workload: { contextTokens: 40960, users: 1 },
      }),
      devices,
    });
    // The second stage has 7.4 GiB for its 32 layers, but the first has less than the 3.75 GiB of all 48.
    expect(plan(asked('0.15.1')).start.reason?.code).toBe('whole-model-above-card');
    expect(plan(asked('0.16.0')).start.starts).toBe(true);
  });

  describe('with a connector and recurrent states', () => {
    const asked = (engineVersion: string, connector: string, more: object = {}) =>
      request({
        model: 'Qwen/Qwen3.6-27B',
        weights: 'fp8',
        engine: 'vllm',
        engineVersion,
        options: { connectors: [connector], maxNumSeqs: 64, ...more },
      });

    // Public issues: 0.19.1 with LMCacheConnectorV1, 0.20.1 with NixlConnector, 0.21.0 with MooncakeConnector.
    test.each([
      ['0.19.1', 'LMCacheConnectorV1'],
      ['0.20.1', 'NixlConnector'],
      ['0.21.0', 'MooncakeConnector'],
      ['0.28.0', 'LMCacheConnectorV1'],
    ])('not %s with %s', (release, connector) => {
      const { start } = plan(asked(release, connector));
      expect(start.reason?.code).toBe('states-without-manager');
      expect(start.reason?.message).toContain(connector);
    });

    test('by the flag that keeps the manager on, where the connector moves states', () => {
      const { start } = plan(asked('0.20.1', 'NixlConnector'));
      expect(start.fix?.flags).toBe('--no-disable-hybrid-kv-cache-manager');
      expect(plan(asked('0.20.1', 'NixlConnector', { hybridManager: true })).start.starts).toBe(true);
      expect(plan(asked('0.19.1', 'LMCacheConnectorV1')).start.fix).toBeNull();
    });

    test('from 0.24 without a flag, where the connector moves states', () => {
      expect(plan(asked('0.24.0', 'OffloadingConnector')).start.starts).toBe(true);
      expect(plan(asked('0.24.0', 'OffloadingConnector', { hybridManager: false })).start.fix?.flags).toBe(
        '--no-disable-hybrid-kv-cache-manager',
      );
    });

    test('with layers of full attention alone in any release', () => {
      const llama = { ...asked('0.19.1', 'LMCacheConnectorV1'), weights: undefined };
      const { spec } = request({ model: 'meta-llama/Llama-3.1-8B-Instruct' });
      expect(plan({ ...llama, spec }).start.starts).toBe(true);
    });
  });
});
