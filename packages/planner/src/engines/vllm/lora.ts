/** Buffers of LoRA adapters, allocated for every adapter of a batch at the largest rank (vllm/lora/layers). */
import { bytes } from '@plimsoll/foundation';
import type { ModelSpec, TensorSpec } from '@plimsoll/model-files/spec';
import type { LedgerEntry } from '../../bytes/ledger.ts';
import type { Parallelism } from '../../bytes/parallelism.ts';
import type { LoraSettings, VllmSettings } from './defaults.ts';
import type { VllmRelease } from './release.ts';

type Cut = 'output' | 'input' | 'none';

/** Projections that take adapters, and the side on which tensor parallelism cuts them. */
const cuts: Readonly<Partial<Record<TensorSpec['role'], Cut>>> = {
  'attention-q': 'output',
  'attention-k': 'output',
  'attention-v': 'output',
  'attention-qkv': 'output',
  'attention-output': 'input',
  'mla-q-down': 'none',
  'mla-q-up': 'output',
  'mla-kv-down': 'none',
  'mla-kv-up': 'output',
  'linear-in': 'output',
  'linear-output': 'input',
  'mlp-gate': 'output',
  'mlp-up': 'output',
  'mlp-gate-up': 'output',
  'mlp-down': 'input',
  'shared-expert-gate': 'output',
  'shared-expert-up': 'output',
  'shared-expert-gate-up': 'output',
  'shared-expert-down': 'input',
  'expert-gate': 'output',
  'expert-up': 'output',
  'expert-gate-up': 'output',
  'expert-down': 'input',
};

export function loraEntry(input: {
  readonly spec: ModelSpec;
  readonly settings: VllmSettings;
  readonly release: VllmRelease;
  readonly parallelism: Parallelism;
  readonly layers: readonly [number, number];
  readonly elementBytes: number;
}): LedgerEntry | null {
  const { spec, settings, release, layers, elementBytes } = input;
  const { lora } = settings;
  if (lora === null) return null;
  const sumOver = (width: (tensor: TensorSpec) => number): number =>
    spec.layers
      .slice(layers[0], layers[1])
      .reduce((sum, layer) => sum + layer.tensors.reduce((total, tensor) => total + width(tensor), 0), 0);
  const perRank = sumOver((tensor) => rankWidth(tensor, lora, input));
  const biases = lora.hasBiases ? sumOver((tensor) => biasWidth(tensor, lora, input.parallelism)) : 0;
  return {
    category: 'weights',
    tag: 'LoRA adapters',
    tier: 'device',
    bytes: bytes(Math.round(lora.adapters * (lora.rank * perRank + biases) * elementBytes)),
    derivation: {
      formula: `adapters x ${biases > 0 ? '(rank x (inputs + outputs of every projection) + biases)' : 'rank x (inputs + outputs of every projection)'} x bytes`,
      substituted: `${lora.adapters} x ${biases > 0 ? `(${lora.rank} x ${perRank} + ${biases})` : `${lora.rank} x ${perRank}`} x ${elementBytes}`,
      source: `vllm/lora/layers, create_lora_weights, of ${release.version}`,
    },
  };
}

/** Inputs and outputs of one projection on a device: each is a row of a factor. Experts take adapters from 0.12 on. */
function rankWidth(
  { role, shape }: TensorSpec,
  lora: LoraSettings,
  { release, parallelism }: { readonly release: VllmRelease; readonly parallelism: Parallelism },
): number {
  const cut = cuts[role];
  if (cut === undefined || shape.length < 2) return 0;
  const isExpert = shape.length === 3;
  if (isExpert && release.number < 12) return 0;
  const outputs = shape.at(-2) ?? 0;
  const inputs = shape.at(-1) ?? 0;
  const { tensor, expertParallel } = parallelism;
  const experts = isExpert ? (shape[0] ?? 1) / (expertParallel ? tensor : 1) : 1;
  const ways = isExpert && expertParallel ? 1 : tensor;
  const wholeWays = lora.isSharded ? ways : 1;
  // Gate and up are two adapters over the same inputs.
  const stacked = role.endsWith('gate-up') ? 2 : role === 'attention-qkv' ? 3 : 1;
  const widths: Readonly<Record<Cut, number>> = {
    output: (stacked * inputs) / wholeWays + outputs / ways,
    input: inputs / ways + outputs / wholeWays,
    none: inputs + outputs,
  };
  return experts * widths[cut];
}

/** Outputs of one projection on a device; experts exist only in releases without biases. */
function biasWidth({ role, shape }: TensorSpec, lora: LoraSettings, { tensor }: Parallelism): number {
  const cut = cuts[role];
  if (cut === undefined || shape.length !== 2) return 0;
  const outputs = shape[0] ?? 0;
  const isCut = cut === 'output' || (cut === 'input' && lora.isSharded);
  return outputs / (isCut ? tensor : 1);
}
