/**
 * The usual spreadsheet: weights = parameters x bits / 8, cache = 2 x layers x kv heads x (hidden / heads) x bytes,
 * available = utilisation x memory - weights. Its errors are kept on purpose: head_dim is hidden / heads, every layer
 * caches every token, latent attention counts as attention, quantised weights have no scales.
 */
import { GiB, MiB } from '@plimsoll/foundation';
import type { Figures } from './figures.ts';
import type { LlamaCppFacts } from './llama-cpp-facts.ts';
import { numberOf } from './log-file.ts';
import type { VllmFacts } from './vllm-facts.ts';

export function spreadsheetForVllm(facts: VllmFacts): Figures {
  const weightBytes = (facts.parameters * facts.weightBits) / 8 / facts.devices;
  const availableBytes = facts.utilization * facts.nominalBytes - weightBytes;
  const tokenBytes = bytesPerToken(facts);
  const tokensIn = (bytes: number): number | null =>
    tokenBytes === null ? null : Math.floor((bytes * facts.devices) / tokenBytes);
  const own = tokensIn(availableBytes);
  return {
    weights_gib: weightBytes / GiB,
    kv_cache_gib: availableBytes / GiB,
    kv_tokens: facts.reportedKvGib === null ? null : tokensIn(facts.reportedKvGib * GiB),
    fits: own === null ? null : own >= facts.maxModelLen,
  };
}

/** For the whole model; null if the config lacks one of the four numbers. */
function bytesPerToken({ textConfig: config, kvBits }: VllmFacts): number | null {
  const layers = numberOf(config, 'num_hidden_layers');
  const hidden = numberOf(config, 'hidden_size');
  const heads = numberOf(config, 'num_attention_heads');
  if (layers === null || hidden === null || heads === null) return null;
  const kvHeads = numberOf(config, 'num_key_value_heads') ?? heads;
  return (2 * layers * kvHeads * (hidden / heads) * kvBits) / 8;
}

export function spreadsheetForLlamaCpp(facts: LlamaCppFacts): Figures {
  const { parameters, weightBits, layers, kvHeads, hiddenSize, heads, contextTokens } = facts;
  const bits = facts.keyBits === null || facts.valueBits === null ? null : facts.keyBits + facts.valueBits;
  const isKnown = layers !== null && kvHeads !== null && hiddenSize !== null && heads !== null;
  return {
    model_buffers_mib:
      parameters === null || weightBits === null ? null : (parameters * weightBits) / 8 / MiB,
    kv_self_size_mib:
      !isKnown || bits === null || contextTokens === null
        ? null
        : (layers * kvHeads * (hiddenSize / heads) * contextTokens * bits) / 8 / MiB,
  };
}
