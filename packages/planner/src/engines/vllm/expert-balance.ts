/**
 * Balanced experts: some experts of a layer are held twice, and devices exchange experts while they serve
 * (vllm/distributed/eplb/eplb_state.py).
 */
import { bytes, PlimsollError } from '@plimsoll/foundation';
import type { ModelSpec, TensorSpec } from '@plimsoll/model-files/spec';
import type { LedgerEntry } from '../../bytes/ledger.ts';
import type { Parallelism } from '../../bytes/parallelism.ts';
import type { DeviceWeights } from '../../bytes/weights.ts';
import type { ExpertOptions } from './expert-options.ts';

export interface ExpertBalance {
  readonly redundantExperts: number;
  readonly loadWindowSteps: number;
}

export function expertBalance(options: ExpertOptions): ExpertBalance | null {
  const { balancesExperts, redundantExperts = 0, loadWindowSteps = 1000 } = options;
  return balancesExperts === true ? { redundantExperts, loadWindowSteps } : null;
}

/** Adds the redundant experts to the experts of a matrix. */
export function withRedundantExperts(tensor: TensorSpec, balance: ExpertBalance | null): TensorSpec {
  if (balance === null || !tensor.role.startsWith('expert-')) return tensor;
  const [experts = 0, ...rest] = tensor.shape;
  return { ...tensor, shape: [experts + balance.redundantExperts, ...rest] };
}

/** Space for the experts of one layer that a device receives, and the loads of the last steps. */
export function balanceEntry(
  spec: ModelSpec,
  weights: DeviceWeights,
  balance: ExpertBalance | null,
): LedgerEntry | null {
  const mixtures = spec.layers
    .slice(...weights.layers)
    .flatMap(({ mlp }) => (mlp.kind === 'moe' ? [mlp] : []));
  const [first] = mixtures;
  if (balance === null || first === undefined) return null;
  const layerBytes = Math.round((weights.byTag.get('experts')?.bytes ?? 0) / mixtures.length);
  const held = first.experts + balance.redundantExperts;
  return {
    category: 'weights',
    tag: 'expert exchange',
    tier: 'device',
    bytes: bytes(layerBytes + balance.loadWindowSteps * mixtures.length * held * loadBytes),
    derivation: {
      formula: 'experts of one layer + steps x layers x experts x bytes of a load',
      substituted: `${layerBytes} + ${balance.loadWindowSteps} x ${mixtures.length} x ${held} x ${loadBytes}`,
      source: 'vllm/distributed/eplb/eplb_state.py, add_model',
    },
  };
}

/** A load is a count of 32 bits. */
const loadBytes = 4;

/** Throws if vLLM refuses to balance the experts of this split (vllm/config/parallel.py, fused_moe/layer.py). */
export function checkExpertBalance(options: ExpertOptions, parallelism: Parallelism, experts: number): void {
  const balance = expertBalance(options);
  if (balance === null) {
    if ((options.redundantExperts ?? 0) === 0) return;
    throw new PlimsollError({
      code: 'redundant-experts-without-eplb',
      message: 'vLLM holds redundant experts only if it balances their load',
      value: options.redundantExperts,
      hint: '--enable-eplb',
    });
  }
  const ways = parallelism.tensor * parallelism.data;
  if (!parallelism.expertParallel || ways === 1) {
    throw new PlimsollError({
      code: 'eplb-without-expert-parallel',
      message: 'vLLM balances experts only over devices that hold whole experts',
      value: '--enable-eplb',
      limit: 'expert parallelism over at least 2 devices',
      hint: '--enable-expert-parallel with --tensor-parallel-size or --data-parallel-size',
    });
  }
  const held = experts + balance.redundantExperts;
  if (held % ways === 0) return;
  throw new PlimsollError({
    code: 'uneven-experts',
    message: `vLLM balances experts only if all devices hold as many: ${held} experts over ${ways} devices`,
    value: balance.redundantExperts,
    limit: `a number of redundant experts that makes ${experts} experts a multiple of ${ways}`,
    hint: `--eplb-config '{"num_redundant_experts": ${balance.redundantExperts + ways - (held % ways)}}'`,
  });
}
