/** The numbers of the memory page, on the reference case. */
import { assert, formatBytes, formatCount } from '@plimsoll/foundation';
import { resolveHardware } from '@plimsoll/registry';
import { type ComputedNumber, given } from '../../../../numbers/computed-number.ts';
import {
  bandwidth,
  cacheBytesPerToken,
  cacheBytesPerUser,
  firstTokenTime,
  pcieLink,
  ratio,
  referenceHardware,
  referencePlan,
  specOf,
  stepTime,
  tokenRate,
  usableBytes,
  usersThatFit,
  weightBytes,
  weightReads,
} from '../../../../numbers/reference-case.ts';

/** Tokens of an ordinary conversation, and of the longest. */
const contextTokens = 8192;
const longTokens = 131_072;

/** A mixture of experts; a model most of whose layers keep a running state. */
const mixture = { model: 'Qwen/Qwen3-30B-A3B' };
const stateModel = 'Qwen/Qwen3.5-27B';

export default function numbers(): Record<string, ComputedNumber> {
  const full = { contextTokens, users: referencePlan({ contextTokens }).capacity.usersMax };
  const { memory } = resolveHardware(referenceHardware);
  const pcie = pcieLink();
  return {
    ...given({ context: contextTokens, long: longTokens }),
    weights: weightBytes(referencePlan()),
    usable: usableBytes(),
    'kv-per-token': cacheBytesPerToken(),
    'kv-8k': cacheBytesPerUser({ contextTokens }),
    'users-8k': usersThatFit({ contextTokens }),
    'users-128k': usersThatFit({ contextTokens: longTokens }),
    'users-8k-vllm': usersThatFit({ contextTokens, engine: 'vllm' }),
    'users-128k-vllm': usersThatFit({ contextTokens: longTokens, engine: 'vllm' }),
    ...mixtureNumbers(),
    ...stateNumbers(),
    bandwidth: bandwidth(),
    'link-bandwidth': {
      text: `${(pcie.bytesPerSecond / 1e9).toFixed(0)} GB per second`,
      derivation: `${pcie.name}. Source: registry record ${referenceHardware}`,
    },
    'link-ratio': ratio(memory.bandwidthBytesPerSecond, pcie.bytesPerSecond, {
      meaning: 'memory bandwidth / PCIe bandwidth',
    }),
    'ttft-8k': firstTokenTime({ contextTokens }),
    'tpot-1': stepTime({ contextTokens }),
    'tpot-many': stepTime(full),
    'throughput-1': tokenRate({ contextTokens }),
    'throughput-many': tokenRate(full),
  };
}

function mixtureNumbers(): Record<string, ComputedNumber> {
  const [mlp] = specOf(mixture.model).layers.map((layer) => layer.mlp);
  assert(mlp?.kind === 'moe', 'the mixture has experts');
  const fact = (count: number, meaning: string): ComputedNumber => ({
    text: formatCount(count),
    derivation: `${meaning}, from the config of ${mixture.model}`,
  });
  return {
    experts: fact(mlp.experts, 'experts of a layer'),
    'experts-used': fact(mlp.expertsPerToken, 'experts that a layer sends a token to'),
    'moe-weights': weightBytes(referencePlan(mixture)),
    'moe-read-1': weightReads(1, mixture),
  };
}

function stateNumbers(): Record<string, ComputedNumber> {
  const { layers } = specOf(stateModel);
  const stateLayers = layers.filter(({ attention }) => attention.kind === 'linear').length;
  const entries = referencePlan({ model: stateModel }).ledger.entries;
  const state = entries.filter(({ category }) => category === 'state');
  const count = (value: number, meaning: string): ComputedNumber => ({
    text: formatCount(value),
    derivation: `${meaning}, from the config of ${stateModel}`,
  });
  return {
    'all-layers': count(layers.length, 'layers'),
    'state-layers': count(stateLayers, 'layers of linear attention'),
    'cache-layers': count(layers.length - stateLayers, 'layers of full attention'),
    'state-bytes': {
      text: formatBytes(state.reduce((sum, { bytes }) => sum + bytes, 0)),
      derivation: state
        .map(({ tag, derivation }) => `${tag}: ${derivation.formula} = ${derivation.substituted}`)
        .join('; '),
    },
  };
}
