import { modelSpecFromConfig } from '@plimsoll/model-files';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ledgerBytes } from '../../bytes/ledger.ts';
import { type EngineMemory, engineMemory } from './engine-memory.ts';
import type { LlamaCppInput } from './engine-options.ts';
import { llamaCppLedger } from './ledger.ts';

/** The shapes of Llama 3.1 8B, Qwen3 30B-A3B, Gemma 3 and DeepSeek V2 Lite, with fewer layers. */
const configs = {
  dense: {
    model_type: 'llama',
    hidden_size: 4096,
    num_hidden_layers: 8,
    num_attention_heads: 32,
    num_key_value_heads: 8,
    intermediate_size: 14336,
    vocab_size: 128256,
    max_position_embeddings: 131072,
  },
  experts: {
    model_type: 'qwen3_moe',
    hidden_size: 2048,
    head_dim: 128,
    num_hidden_layers: 8,
    num_attention_heads: 32,
    num_key_value_heads: 4,
    intermediate_size: 6144,
    moe_intermediate_size: 768,
    num_experts: 128,
    num_experts_per_tok: 8,
    vocab_size: 151936,
    max_position_embeddings: 40960,
  },
  windows: {
    model_type: 'gemma3_text',
    hidden_size: 2560,
    head_dim: 256,
    num_hidden_layers: 12,
    num_attention_heads: 8,
    num_key_value_heads: 4,
    intermediate_size: 10240,
    sliding_window: 1024,
    sliding_window_pattern: 6,
    vocab_size: 262208,
    max_position_embeddings: 131072,
  },
  latent: {
    model_type: 'deepseek_v2',
    hidden_size: 2048,
    num_hidden_layers: 6,
    num_attention_heads: 16,
    num_key_value_heads: 16,
    intermediate_size: 10944,
    moe_intermediate_size: 1408,
    n_routed_experts: 64,
    n_shared_experts: 2,
    num_experts_per_tok: 6,
    first_k_dense_replace: 1,
    kv_lora_rank: 512,
    q_lora_rank: null,
    qk_nope_head_dim: 128,
    qk_rope_head_dim: 64,
    v_head_dim: 128,
    vocab_size: 102400,
    max_position_embeddings: 163840,
  },
} as const;

type Kind = keyof typeof configs;
const specs = Object.fromEntries(
  Object.entries(configs).map(([kind, config]) => [kind, modelSpecFromConfig(config, { id: kind })]),
);

function inputOf(kind: Kind, options: Partial<LlamaCppInput> = {}): LlamaCppInput {
  const spec = specs[kind];
  if (spec === undefined) throw new Error(`no spec of kind ${kind}`);
  return { spec, fileType: 'Q4_K_M', contextTokens: 8192, backend: 'cuda', ...options };
}

/** Sums over devices and host. */
function sums(memory: EngineMemory): { weights: number; cache: number; state: number; compute: number } {
  const parts = [...memory.devices, memory.host];
  const sum = (pick: (part: EngineMemory['host']) => number): number =>
    parts.reduce((total, part) => total + pick(part), 0);
  return {
    weights: sum((part) => part.weights),
    cache: sum((part) => part.cache),
    state: sum((part) => part.state),
    compute: sum((part) => part.compute),
  };
}

const anyKind = fc.constantFrom<Kind>('dense', 'experts', 'windows', 'latent');
const anyInput = fc.record({
  kind: anyKind,
  context: fc.integer({ min: 1, max: 64 }).map((steps) => steps * 1024),
  microBatch: fc.constantFrom(64, 128, 512, 1024),
  flashAttention: fc.boolean(),
  devices: fc.integer({ min: 0, max: 3 }),
  gpuLayers: fc.integer({ min: 0, max: 14 }),
  build: fc.constantFrom(2600, 4435, 5200, 5600, 6168, 7445, 8586, 9849),
});

describe('engineMemory', () => {
  it('never gives a negative or fractional amount', () => {
    fc.assert(
      fc.property(anyInput, ({ kind, context, microBatch, ...rest }) => {
        const backend = rest.devices === 0 ? 'cpu' : 'cuda';
        const memory = engineMemory(
          inputOf(kind, { contextTokens: context, microBatchTokens: microBatch, backend, ...rest }),
        );
        for (const part of [...memory.devices, memory.host]) {
          for (const amount of Object.values(part))
            expect(amount >= 0 && Number.isInteger(amount)).toBe(true);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('grows with context, batch and precision of the cache', () => {
    fc.assert(
      fc.property(anyInput, ({ kind, context, microBatch, flashAttention, build }) => {
        const base = {
          contextTokens: context,
          microBatchTokens: microBatch,
          flashAttention,
          build,
          outputs: microBatch,
        };
        const small = sums(engineMemory(inputOf(kind, base)));
        const longer = sums(engineMemory(inputOf(kind, { ...base, contextTokens: 2 * context })));
        const precise = sums(engineMemory(inputOf(kind, { ...base, keyType: 'f32', valueType: 'f32' })));
        expect(longer.cache).toBeGreaterThanOrEqual(small.cache);
        // A longer context may let the allocator pack the graph better, by no more than a tenth.
        expect(longer.compute).toBeGreaterThanOrEqual(small.compute * 0.9);
        expect(precise.cache).toBe(2 * small.cache);
        const wide = engineMemory(
          inputOf(kind, { ...base, microBatchTokens: 2 * microBatch, outputs: 2 * microBatch }),
        );
        expect(sums(wide).compute).toBeGreaterThanOrEqual(small.compute * 0.9);
      }),
      { numRuns: 40 },
    );
  });

  it('splits weights and caches over devices without losing any', () => {
    fc.assert(
      fc.property(anyKind, fc.integer({ min: 2, max: 4 }), (kind, devices) => {
        const one = sums(engineMemory(inputOf(kind)));
        const many = sums(engineMemory(inputOf(kind, { devices })));
        expect(many).toMatchObject({ weights: one.weights, cache: one.cache, state: one.state });
      }),
      { numRuns: 20 },
    );
  });

  it('caches less per cell in block types', () => {
    const bytes = ['f16', 'q8_0', 'q5_1', 'q4_0'].map(
      (type) => sums(engineMemory(inputOf('dense', { keyType: type, valueType: type }))).cache,
    );
    // 8 layers x 8192 cells x 2 x 1024 elements, at 2, 34/32, 24/32 and 18/32 bytes.
    expect(bytes).toEqual([2, 34 / 32, 24 / 32, 18 / 32].map((size) => 8 * 8192 * 2048 * size));
  });

  it('keeps only the window of sliding layers, padded', () => {
    const { cells } = engineMemory(inputOf('windows', { contextTokens: 32768 }));
    expect(cells).toEqual({ full: 32768, window: 1536, streams: 1 });
    expect(engineMemory(inputOf('windows', { contextTokens: 32768, fullWindow: true })).cells.window).toBe(
      32768,
    );
    expect(engineMemory(inputOf('windows', { contextTokens: 32768, build: 5000 })).cells.window).toBe(32768);
  });

  it('caches the latent once, twice, or not at all, by version', () => {
    const perToken = (build: number): number =>
      sums(engineMemory(inputOf('latent', { contextTokens: 1024, build }))).cache / 1024 / 6 / 2;
    expect([9849, 5600, 4435].map(perToken)).toEqual([512 + 64, 512 + 64 + 512, 16 * (192 + 128)]);
  });
});

describe('llamaCppLedger', () => {
  it('lists what engineMemory counts', () => {
    fc.assert(
      fc.property(anyInput, ({ kind, context, devices, gpuLayers, build }) => {
        const backend = devices === 0 ? 'cpu' : 'cuda';
        const input = inputOf(kind, { contextTokens: context, devices, gpuLayers, build, backend });
        const { ledger, memory } = llamaCppLedger(input);
        const host = memory.host.weights + memory.host.cache + memory.host.state + memory.host.compute;
        const onHost = ledgerBytes(ledger, { tier: devices === 0 ? 'device' : 'host' });
        expect(Math.abs(onHost - host - memory.outputBytes)).toBeLessThan(1);
        for (const entry of ledger.entries) {
          expect(entry.derivation.formula).not.toBe('');
          expect(entry.derivation.source).toContain('llama.cpp');
        }
      }),
      { numRuns: 30 },
    );
  });

  it('reads well', () => {
    const { ledger } = llamaCppLedger(inputOf('windows', { contextTokens: 32768 }));
    const lines = ledger.entries.map(
      ({ tier, category, tag, bytes, derivation }) =>
        `${tier} ${category}/${tag} ${bytes}: ${derivation.substituted}`,
    );
    expect(lines).toMatchInlineSnapshot(`
      [
        "device weights/layers 682131456: 156 tensors of Q4_K_M: 539,688,960 B of Q4_K + 516,096 B of F32 + 141,926,400 B of Q6_K",
        "device weights/embedding and head 550647040: 2 tensors of Q4_K_M: 10,240 B of F32 + 550,636,800 B of Q6_K",
        "device kv-cache/sliding-window layers 62914560: 10 layers x 1,536 cells x (2048 B of f16 + 2048 B of f16)",
        "device kv-cache/full-attention layers 268435456: 2 layers x 32,768 cells x (2048 B of f16 + 2048 B of f16)",
        "device workspace/compute buffer 112740480: 512 tokens, 1 rows of logits, 32768 and 1536 cells, 1 stream(s), flash attention on, rules of v0.5.0",
        "host weights/embedding and head, CPU 550636800: 1 tensors of Q4_K_M: 550,636,800 B of Q6_K",
        "host workspace/compute buffer, CPU 45633600: 512 tokens, 1 rows of logits, 32768 and 1536 cells, 1 stream(s), flash attention on, rules of v0.5.0",
        "host workspace/logits of one token per sequence, CPU 1048832: 1 x 262,208 x 4",
      ]
    `);
  });
});

describe('what is remembered of a loaded model', () => {
  const question = fc.record({
    sequences: fc.constantFrom(1, 2, 7, 40),
    contextEach: fc.constantFrom(1, 40, 512, 8192, 40_960),
    fileType: fc.constantFrom('Q4_K_M', 'Q8_0'),
    keyType: fc.constantFrom('f16', 'q8_0'),
    gpuLayers: fc.constantFrom<number | 'all'>('all', 3),
    backend: fc.constantFrom<LlamaCppInput['backend']>('cuda', 'metal', 'cpu'),
    devices: fc.constantFrom(1, 2),
    build: fc.constantFrom(5500, 9849),
  });
  it('changes no answer, whatever was asked before', () => {
    fc.assert(
      fc.property(anyKind, fc.array(question, { minLength: 2, maxLength: 6 }), (name, questions) => {
        const { spec } = inputOf(name);
        for (const { contextEach, ...rest } of questions) {
          const asked = { ...rest, contextTokens: contextEach * rest.sequences };
          // A copy of the spec is a model that nothing is remembered of. Options hold functions, which are never equal.
          const { options: _fresh, ...fresh } = engineMemory({ spec: structuredClone(spec), ...asked });
          const { options: _, ...answer } = engineMemory({ spec, ...asked });
          expect(answer).toEqual(fresh);
        }
      }),
      { numRuns: 60 },
    );
  });
});
