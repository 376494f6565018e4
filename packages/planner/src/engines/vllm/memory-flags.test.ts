/** Flags of vLLM that set or move memory. Expected figures follow from the rules of the releases named. */
import { GiB } from '@plimsoll/foundation';
import { resolveHardware } from '@plimsoll/registry';
import { describe, expect, test } from 'vitest';
import { drafter, request } from '../../test-models.ts';
import type { PlanRequest } from '../engine-list.ts';
import type { VllmDeployment } from './deployment.ts';
import { type VllmOptions, vllmOptions } from './options.ts';
import { prepareVllm } from './profile.ts';

function prepared(options: VllmOptions = {}, asked: Parameters<typeof request>[0] = {}): VllmDeployment {
  return prepareVllm(
    request({ engine: 'vllm', engineVersion: '0.22.0', ...asked, options } as Partial<PlanRequest>),
  );
}

function held({ fixed }: VllmDeployment, tag: string): number {
  return fixed.filter((entry) => entry.tag === tag).reduce((sum, entry) => sum + entry.bytes, 0);
}

function read(name: string, text: string): VllmOptions | null | undefined {
  return vllmOptions.find((option) => option.name === name)?.read?.(text);
}

test('--cudagraph-capture-sizes captures the sizes of its list and no others', () => {
  expect(read('cudagraph-capture-sizes', '1 2,4 8')).toEqual({ captureSizes: [1, 2, 4, 8] });
  expect(read('cudagraph-capture-sizes', '1 x')).toBeNull();
  const graphs = (options: VllmOptions): number => held(prepared(options), 'CUDA graphs');
  const few = graphs({ captureSizes: [1, 2, 4, 8] });
  expect(few).toBeGreaterThan(0);
  expect(few).toBeLessThan(graphs({}));
  expect(few).toBe(graphs({ captureSizes: [8, 4, 2, 1, 1] }));
});

describe('the cache', () => {
  test('has the bytes of --kv-cache-memory-bytes, whatever the share', () => {
    const deployment = prepared({ kvCacheBytes: 8 * GiB, gpuMemoryUtilization: 0.5 });
    expect(deployment.availableBytes).toBe(8 * GiB);
    expect(held(deployment, 'beside --kv-cache-memory-bytes')).toBeGreaterThan(0);
  });

  test('has the blocks of --num-gpu-blocks-override', () => {
    expect(prepared({ blocksOverride: 512 }).printed?.blocks).toBe(512);
  });

  test('of two devices that share the tokens of a sequence holds twice the context in a block', () => {
    const alone = prepared().layout.sequenceBlocks(8192);
    expect(prepared({ decodeContextParallel: 2 }).layout.sequenceBlocks(8192)).toBe(alone / 2);
  });

  test('of types with scales: nvfp4 has 9 bits for two elements, turboquant keys and values of their own widths', () => {
    const bytesPerToken = (kvFormat: PlanRequest['kvFormat']): number =>
      prepared({}, { kvFormat }).groups.reduce((sum, group) => sum + group.layers * group.entryBytes, 0);
    expect(bytesPerToken('nvfp4')).toBe(32 * 8 * 2 * (64 + 8));
    // The first and the last two layers keep 16 bits.
    expect(bytesPerToken('turboquant_k8v4')).toBe(8 * (28 * (128 + 64 + 4) + 4 * 512));
    expect(bytesPerToken('turboquant_3bit_nc')).toBe(8 * (28 * (48 + 2 + 48 + 4) + 4 * 512));
  });

  test('is printed by the share of one group until 0.20, by concurrency after', () => {
    const gemma = (engineVersion: string): number =>
      prepared(
        {},
        { model: 'google/gemma-3-12b-it', engineVersion, workload: { contextTokens: 131072, users: 1 } },
      ).printed?.kvTokens ?? 0;
    expect(gemma('0.21.0') / gemma('0.20.0')).toBeGreaterThan(4);
  });
});

describe('weights', () => {
  test('move to the host with --cpu-offload-gb', () => {
    const moved = prepared({ cpuOffloadGib: 5 });
    expect(prepared().availableBytes - moved.availableBytes).toBe(-5 * GiB);
    expect(held(moved, 'offloaded weights')).toBe(5 * GiB);
  });

  test('of adapters: rank x (inputs + outputs) of every projection', () => {
    const rows = 4096 + 4096 + 2 * (4096 + 1024) + 4096 + 4096 + 2 * (4096 + 14336) + 14336 + 4096;
    // Queries, keys and values are one matrix with three adapters; gate and up are one with two.
    const lora = prepared({ loraEnabled: true, lorasMax: 4, loraRankMax: 32 });
    expect(held(lora, 'LoRA adapters')).toBe(4 * 32 * 32 * rows * 2);
    const biased = prepared({ loraEnabled: true, lorasMax: 4, loraRankMax: 32, loraBiases: true });
    const outputs = 4096 + 2 * 1024 + 4096 + 2 * 14336 + 4096;
    expect(held(biased, 'LoRA adapters')).toBe(4 * 32 * (32 * rows + outputs) * 2);
  });

  test('of the vision tower are left out with --language-model-only', () => {
    const model = 'Qwen/Qwen3.6-27B';
    const whole = prepared({}, { model, gpu: 'h200' });
    const text = prepared({ languageModelOnly: true }, { model, gpu: 'h200' });
    expect(held(whole, 'vision')).toBeGreaterThan(0);
    expect(held(text, 'vision')).toBe(0);
    expect(text.availableBytes).toBeGreaterThan(whole.availableBytes);
  });
});

describe('the profiling run of images', () => {
  const peak = (options: VllmOptions): number =>
    held(prepared(options, { model: 'Qwen/Qwen3.5-9B', gpu: 'l40s' }), 'profiling peak') / GiB;

  test('takes an image of 16,384 tokens through the tower', () => {
    expect(peak({})).toBeCloseTo(1.74, 1);
  });

  test('takes four of them with four times the token budget, and none where none is allowed', () => {
    expect(peak({ maxNumBatchedTokens: 65536 })).toBeGreaterThan(6.5);
    expect(peak({ itemLimits: { image: 0 } })).toBeLessThan(1);
    expect(peak({ skipsItemProfile: true })).toBeLessThan(1);
    expect(peak({ imagePixelsMax: 1_003_520, maxNumSeqs: 8 })).toBeLessThan(0.8);
  });
});

test('V0 profiles the prompt that holds all images and a video, whatever the token budget', () => {
  const asked = { model: 'Qwen/Qwen2.5-VL-7B-Instruct', gpu: 't4', engineVersion: '0.9.2' };
  const peak = (options: VllmOptions, engineVersion = '0.9.2'): number =>
    held(
      prepared(
        { core: 'V0', maxModelLen: 16384, maxNumBatchedTokens: 2048, maxNumSeqs: 1, ...options },
        { ...asked, engineVersion },
      ),
      'profiling peak',
    ) / GiB;
  // A log of this start has 2.71 GiB.
  const image = peak({ itemLimits: { image: 1, video: 0 } });
  expect(image).toBeCloseTo(2.58, 2);
  // The image and a video of two frames have 16,384 tokens each.
  expect(peak({})).toBeCloseTo(2 * image, 1);
  expect(peak({ itemLimits: { image: 3, video: 0 } })).toBeCloseTo(3 * image, 1);
  // Earlier releases leave images out where the budget is too short for them.
  expect(peak({}, '0.7.3')).toBeLessThan(0.5);
});

describe('drafts', () => {
  const qwen = { model: 'Qwen/Qwen3.6-27B', gpu: 'h200' };
  const config = (text: string): VllmOptions => read('speculative-config', text) ?? {};

  test('of the model itself add its layer to the cache and a slot of state per token', () => {
    const plain = prepared({}, qwen);
    const drafted = prepared(config('{"method":"mtp","num_speculative_tokens":3}'), qwen);
    expect(drafted.weightBytes).toBeGreaterThan(plain.weightBytes);
    // The convolution can step back over the drafts, so that a page grows from 784 to 800 tokens.
    expect(drafted.layout.blockBytes / plain.layout.blockBytes).toBe((17 * 800) / (16 * 784));
    expect(drafted.layout.sequenceBlocks(100)).toBe(1 + 3 * (1 + 3));
  });

  test('of prompts add nothing but slots', () => {
    const drafted = prepared(config('{"method":"ngram","num_speculative_tokens":3}'), qwen);
    expect(drafted.weightBytes).toBe(prepared({}, qwen).weightBytes);
  });

  test('of another model add its weights and its layers', () => {
    const { spec } = request({ model: 'Qwen/Qwen3-0.6B' });
    const draft = { spec, tokens: 4 };
    const options = { ...config('{"model":"Qwen/Qwen3-0.6B","num_speculative_tokens":4}'), draft };
    const drafted = prepared(options, { model: 'Qwen/Qwen3-8B' });
    const plain = prepared({}, { model: 'Qwen/Qwen3-8B' });
    expect(held(drafted, 'drafter') / 2e9).toBeCloseTo(0.6, 1);
    expect(drafted.groups.reduce((sum, group) => sum + group.layers, 0)).toBe(36 + 28);
    expect(drafted.availableBytes).toBeLessThanOrEqual(plain.availableBytes - held(drafted, 'drafter'));
  });

  test('of a DFlash drafter share the vocabulary of the model, and their layers are cache groups of their own', () => {
    const spec = drafter('z-lab/Qwen3.6-27B-DFlash');
    const options = {
      ...config('{"method":"dflash","model":"z-lab/Qwen3.6-27B-DFlash","num_speculative_tokens":10}'),
      draft: { spec, tokens: 4 },
    };
    const drafted = prepared(options, { ...qwen, engineVersion: '0.29.0' });
    // Five layers, the projection of five hidden states, and the fused copy of keys and values.
    const layer = 5120 * (2 * 4096 + 2 * 1024) + 3 * 5120 * 17408 + 2 * 5120 + 2 * 128;
    const parameters = 5 * layer + 5 * 5120 * 5120 + 2 * 5120 + 5 * 2048 * 5120;
    expect(held(drafted, 'drafter')).toBe(2 * parameters);
    const layers = drafted.groups.filter(({ kind }) => kind !== 'state').map((group) => group.layers);
    expect(layers).toEqual([16, 4, 1]);
  });

  test('of EAGLE3 have a head of their own', () => {
    const spec = drafter('yuhuili/EAGLE3-LLaMA3.1-Instruct-8B');
    const options = { ...config('{"method":"eagle3","model":"a/b"}'), draft: { spec, tokens: 4 } };
    const layer = 8192 * (4096 + 2 * 1024) + 4096 * 4096 + 3 * 4096 * 14336 + 3 * 4096;
    const parameters = layer + 3 * 4096 * 4096 + 32000 * 4096 + 4096;
    expect(held(prepared(options), 'drafter')).toBe(2 * parameters);
  });

  test('of an assistant add weights and no cache', () => {
    const spec = drafter('google/gemma-4-31B-it-assistant');
    const options = { ...config('{"model":"google/gemma-4-31B-it-assistant"}'), draft: { spec, tokens: 4 } };
    const gemma = { model: 'google/gemma-4-31B-it', gpu: 'h200' };
    const drafted = prepared(options, gemma);
    expect(held(drafted, 'drafter')).toBeGreaterThan(0.85e9);
    expect(drafted.groups).toEqual(prepared({}, gemma).groups);
  });

  test('take the tokens that the drafter was trained for where no flag states them', () => {
    const spec = drafter('deepseek-ai/dspark_qwen3_8b_block7');
    const options = { ...config('{"method":"dspark","model":"a/b"}'), draft: { spec, tokens: 4 } };
    expect(prepared(options, { model: 'Qwen/Qwen3-8B' }).settings.speculativeTokens).toBe(7);
  });

  test('are stated by two flags in releases before --speculative-config', () => {
    const { spec } = request({ model: 'Qwen/Qwen3-0.6B' });
    const options: VllmOptions = {
      ...read('speculative-model', 'Qwen/Qwen3-0.6B'),
      ...read('num-speculative-tokens', '5'),
    };
    const old = { model: 'Qwen/Qwen3-8B', engineVersion: '0.7.3' };
    const drafted = prepared({ ...options, draft: { spec, tokens: 4 } }, old);
    expect(drafted.settings).toMatchObject({ speculativeTokens: 5, drafts: 'model' });
    expect(drafted.groups.reduce((sum, group) => sum + group.layers, 0)).toBe(36 + 28);
    const prompts = { ...read('speculative-model', '[ngram]'), ...read('num-speculative-tokens', '5') };
    expect(prepared(prompts, old).settings.drafts).toBe('prompts');
  });

  test('are read from JSON, and other texts are refused', () => {
    expect(config('{"method":"eagle3","model":"a/b","num_speculative_tokens":2}').speculative).toMatchObject({
      method: 'eagle3',
      model: 'a/b',
      tokens: 2,
    });
    for (const text of [
      '',
      'mtp',
      '[]',
      '{}',
      '{"method":"mtp","num_speculative_tokens":-1}',
      '{"method":1}',
    ])
      expect(read('speculative-config', text), text).toBeNull();
  });
});

test('encoders are cut over devices, or whole on each with a part of the images', () => {
  const parallelism = { tensor: 4, pipeline: 1, data: 1, expertParallel: false };
  const qwen = { model: 'Qwen/Qwen3-VL-8B-Instruct', gpu: 'l40s', parallelism };
  const cut = prepared({}, qwen);
  const whole = prepared({ encoderMode: 'data' }, qwen);
  expect(held(whole, 'vision') / held(cut, 'vision')).toBeCloseTo(4, 1);
  expect(read('mm-encoder-tp-mode', 'data')).toEqual({ encoderMode: 'data' });
  expect(read('mm-encoder-tp-mode', 'rows')).toBeNull();
});

test('sizes are written as vLLM reads them: capitals are binary', () => {
  expect(read('kv-cache-memory-bytes', '36864M')).toEqual({ kvCacheBytes: 36 * GiB });
  expect(read('kv-cache-memory-bytes', '25.6g')).toEqual({ kvCacheBytes: 25.6e9 });
  expect(read('kv-cache-memory-bytes', '1 GB')).toBeNull();
  expect(read('limit-mm-per-prompt', 'image=2,video=0')).toEqual({ itemLimits: { image: 2, video: 0 } });
  expect(read('limit-mm-per-prompt', '{"image":{"count":3}}')).toEqual({ itemLimits: { image: 3 } });
  expect(read('pp-layer-partition', '16,32')).toEqual({ layerPartition: [16, 32] });
});

test('a partition gives each stage its layers, and the fullest one decides', () => {
  const parallelism = { tensor: 1, pipeline: 2, data: 1, expertParallel: false };
  const even = prepared({}, { parallelism });
  const uneven = prepared({ layerPartition: [8, 24] }, { parallelism });
  expect(uneven.weightBytes).toBeGreaterThan(even.weightBytes);
  expect(uneven.groups.reduce((sum, group) => sum + group.layers, 0)).toBe(24);
  expect(() => prepared({ layerPartition: [8, 8] }, { parallelism })).toThrow(/32 layers to 2 stages/);
});

describe('unlike devices', () => {
  const devices = (...names: readonly string[]) => names.map((name) => resolveHardware(name));
  const split = (tensor: number, pipeline: number) => ({ tensor, pipeline, data: 1, expertParallel: false });

  test('of a tensor-parallel group have the cache of the smallest', () => {
    const alike = prepared({}, { gpu: 'rtx-a6000', parallelism: split(2, 1) });
    const unlike = prepared(
      {},
      { gpu: 'a100-sxm-80gb', parallelism: split(2, 1), devices: devices('a100-sxm-80gb', 'rtx-a6000') },
    );
    expect(unlike.printed).toEqual(alike.printed);
    expect(unlike.hardware?.id).toBe('rtx-a6000-48gb');
    const [large, small] = unlike.perDevice ?? [];
    expect(large?.cacheBytes).toBe(small?.cacheBytes);
    expect((large?.spareBytes ?? 0) - (small?.spareBytes ?? 0)).toBeGreaterThan(30 * GiB);
  });

  test('of a pipeline hold the layers of their stage', () => {
    const unlike = (order: readonly string[], layers: readonly number[]): number =>
      prepared(
        { layerPartition: layers },
        { gpu: order[0] ?? '', parallelism: split(1, 2), devices: devices(...order) },
      ).blocks;
    const names = ['rtx-4060-ti-16gb', 'rtx-3090'] as const;
    expect(unlike(names, [12, 20])).toBeGreaterThan(unlike(names, [16, 16]));
    expect(unlike(names, [12, 20])).toBeGreaterThan(unlike([...names].reverse(), [12, 20]));
  });

  test('are as many as the split has', () => {
    const three = devices('rtx-3090', 'rtx-3090', 'rtx-4090');
    expect(() => prepared({}, { gpu: 'rtx-3090', parallelism: split(2, 1), devices: three })).toThrow(
      /2 devices does not use the 3 devices/,
    );
  });
});

test('flags of recurrent states: their types, and which of them are kept', () => {
  const qwen = { model: 'Qwen/Qwen3.6-27B', gpu: 'h200' };
  const stateBytes = (options: VllmOptions): number =>
    prepared(options, qwen).groups.find(({ kind }) => kind === 'state')?.stateBytes ?? 0;
  // 48 heads of 128 x 128 in four bytes or two; the convolution keeps 3 columns of 10,240 channels.
  expect(stateBytes({})).toBe(48 * 128 * 128 * 4 + 3 * 10240 * 2);
  expect(stateBytes({ mambaSsmCacheType: 'bfloat16' })).toBe(48 * 128 * 128 * 2 + 3 * 10240 * 2);
  const blocks = (options: VllmOptions): number => prepared(options, qwen).layout.sequenceBlocks(7840);
  expect(blocks({})).toBe(10 + 3);
  expect(blocks({ mambaCacheMode: 'align' })).toBe(10 + 3 * 2);
  expect(blocks({ mambaCacheMode: 'all' })).toBe(10 + 3 * 10);
});

test('pages of latent attention that hold a recurrent state have whole 128 tokens from 0.27', () => {
  const blockTokens = (engineVersion: string): number | undefined =>
    prepared({}, { model: 'moonshotai/Kimi-Linear-48B-A3B-Instruct', gpu: 'h200', engineVersion }).printed
      ?.blockTokens;
  // 32 heads of 128 x 128 in four bytes and three columns of 12,288 channels take 1,884 entries of 1,152 bytes.
  expect(blockTokens('0.26.0')).toBe(1888);
  expect(blockTokens('0.27.0')).toBe(1920);
});

describe('balanced experts', () => {
  const qwen = { model: 'Qwen/Qwen3-30B-A3B', gpu: 'h100-sxm-80gb' };
  const split = (expertParallel: boolean) => ({ tensor: 4, pipeline: 1, data: 1, expertParallel });
  const planned = (options: VllmOptions) => prepared(options, { ...qwen, parallelism: split(true) });

  test('take the redundant experts, the experts of one layer more, and the loads of the last steps', () => {
    const alone = held(planned({}), 'experts');
    const balanced = planned({ balancesExperts: true, redundantExperts: 32 });
    // 128 + 32 experts of 48 layers over 4 devices; a layer has 3 x 2048 x 768 elements of 2 bytes in each expert.
    expect(held(balanced, 'experts')).toBe((alone * 160) / 128);
    expect(held(balanced, 'expert exchange')).toBe(40 * 3 * 2048 * 768 * 2 + 1000 * 48 * 160 * 4);
    expect(balanced.blocks).toBeLessThan(planned({}).blocks);
  });

  test('are read from --eplb-config', () => {
    expect(read('eplb-config', '{"num_redundant_experts": 16, "window_size": 500}')).toMatchObject({
      redundantExperts: 16,
      loadWindowSteps: 500,
    });
    expect(read('eplb-config', '16')).toBeNull();
  });

  test('need whole experts on their devices, and as many on each', () => {
    const balancesExperts = true;
    expect(() => prepared({ balancesExperts }, { ...qwen, parallelism: split(false) })).toThrow(
      /only over devices that hold whole experts/,
    );
    expect(() => planned({ balancesExperts, redundantExperts: 31 })).toThrow(/159 experts over 4 devices/);
    expect(() => planned({ redundantExperts: 32 })).toThrow(/only if it balances their load/);
  });
});

test('windowed layers keep all tokens without the manager of hybrid caches', () => {
  const gemma = { model: 'google/gemma-3-27b-it', gpu: 'h200' };
  const { layout } = prepared({ hybridManager: false }, gemma);
  expect(layout.groups).toBe(1);
  expect(layout.sequenceBlocks(65536)).toBe(65536 / 16);
  // 62 layers of 16 kv heads with 128 elements: keys and values of two bytes.
  expect(layout.blockBytes).toBe(62 * 16 * 16 * 2 * 128 * 2);
  expect(prepared({}, gemma).layout.groups).toBeGreaterThan(1);
  // A model whose layers all have a window keeps the window.
  const mistral = { model: 'mistralai/Mistral-7B-v0.1', gpu: 'h200' };
  expect(prepared({ hybridManager: false }, mistral).groups).toEqual(prepared({}, mistral).groups);
});

test('--rope-scaling ends with 0.11.0, and the message names the flag that replaces it', () => {
  const options: VllmOptions = { ropeText: '{"rope_type":"yarn","factor":4}' };
  expect(prepared(options, { engineVersion: '0.11.0' }).blocks).toBeGreaterThan(0);
  expect(() => prepared(options, { engineVersion: '0.11.1' })).toThrow(/0\.11\.1 has no flag --rope-scaling/);
});

test('connectors are read from --kv-transfer-config, also several', () => {
  const several = {
    kv_connector: 'MultiConnector',
    kv_connector_extra_config: {
      connectors: [{ kv_connector: 'NixlConnector' }, { kv_connector: 'OffloadingConnector' }],
    },
  };
  const connectors = (value: object): readonly string[] | undefined =>
    read('kv-transfer-config', JSON.stringify(value))?.connectors;
  expect(connectors({ kv_connector: 'LMCacheConnectorV1', kv_role: 'kv_both' })).toEqual([
    'LMCacheConnectorV1',
  ]);
  expect(connectors(several)).toEqual(['NixlConnector', 'OffloadingConnector']);
  expect(read('kv-transfer-config', '{"kv_connector":"P2pNcclConnector"}')).toBeNull();
  expect(read('kv-transfer-config', '{"kv_connector":"MultiConnector"}')).toBeNull();
});

test('windowed layers keep all tokens with a connector until a release asks the connector', () => {
  const gemma = { model: 'google/gemma-3-27b-it', gpu: 'h200' };
  const groups = (engineVersion: string, options: VllmOptions): number =>
    prepared(options, { ...gemma, engineVersion }).layout.groups;
  const connectors = ['NixlConnector'];
  expect(groups('0.20.0', { connectors })).toBe(1);
  expect(groups('0.20.0', { connectors, hybridManager: true })).toBeGreaterThan(1);
  expect(groups('0.24.0', { connectors })).toBeGreaterThan(1);
  expect(groups('0.24.0', { connectors: ['LMCacheConnectorV1'] })).toBe(1);
  expect(groups('0.20.0', { kvOffloadGib: 10 })).toBe(1);
});
