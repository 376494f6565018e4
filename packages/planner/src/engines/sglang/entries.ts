/** Ledger entries of SGLang's memory besides weights and cached tokens, and of the memory that it leaves free. */
import { bytes, formatCount, GiB, MiB } from '@plimsoll/foundation';
import type { HardwareRecord } from '@plimsoll/registry';
import facts from '@plimsoll/registry/engines/sglang.json' with { type: 'json' };
import type { LedgerEntry } from '../../bytes/ledger.ts';
import type { CacheLayout } from './cache-layout.ts';
import type { Draft } from './draft.ts';
import type { Pools } from './pools.ts';
import type { SglangSettings } from './start-settings.ts';

export interface HeldInput {
  readonly hardware: HardwareRecord;
  readonly settings: SglangSettings;
  readonly cache: CacheLayout;
  readonly pools: Pools;
  readonly draft: Draft | null;
  readonly context: { readonly bytes: number; readonly fitted: string };
  readonly ranks: number;
}

export function heldEntries(input: HeldInput): readonly LedgerEntry[] {
  return [
    contextEntry(input),
    ...draftEntries(input),
    ...stateEntries(input),
    tableEntry(input),
    ...workspaceEntries(input),
  ];
}

function contextEntry({ context, ranks }: HeldInput): LedgerEntry {
  return {
    category: 'runtime',
    tag: 'context and collectives',
    tier: 'device',
    bytes: bytes(context.bytes),
    derivation: {
      formula: 'driver context and communication buffers before the weights are loaded',
      substituted: `${ranks} devices: ${context.bytes / GiB} GiB`,
      source: 'sglang/srt/model_executor/model_runner.py, init_torch_distributed; measured',
      fitted: context.fitted,
    },
  };
}

function draftEntries({ draft, pools }: HeldInput): readonly LedgerEntry[] {
  if (draft === null) return [];
  const weightBytes = Math.round(draft.weightBytes);
  const cell = Math.round(draft.cellBytes);
  return [
    {
      category: 'draft',
      tag: 'weights',
      tier: 'device',
      bytes: bytes(weightBytes),
      derivation: {
        formula: 'tensors of the draft that are not shared with the model',
        substituted: `${draft.layers} layers: ${weightBytes}`,
        source: 'sglang/srt/speculative',
      },
    },
    {
      category: 'draft',
      tag: 'cache',
      tier: 'device',
      bytes: bytes(pools.tokens * cell),
      derivation: {
        formula: "tokens of the model's pool x bytes of a token in the draft's layers",
        substituted: `${formatCount(pools.tokens)} x ${cell}`,
        source: 'sglang/srt/model_executor/model_runner.py, init_memory_pool',
      },
    },
  ];
}

/** Returns the entries of recurrent state, whose slots exist from the start for any number of requests. */
function stateEntries({ pools, cache }: HeldInput): readonly LedgerEntry[] {
  const { state } = pools;
  if (state === null) return [];
  const slots: LedgerEntry = {
    category: 'state',
    tag: 'state slots',
    tier: 'device',
    bytes: bytes(state.bytes),
    derivation: {
      formula: '(slots + 1 for padding) x state of all recurrent layers',
      substituted: `(${formatCount(state.slots)} + 1) x ${formatCount(cache.slotBytes)}`,
      source: 'sglang/srt/mem_cache/memory_pool.py, MambaPool',
    },
  };
  if (state.verifyBytes === 0) return [slots];
  const states = state.verifyBytes / cache.slotBytes;
  return [
    slots,
    {
      category: 'state',
      tag: 'states of draft tokens',
      tier: 'device',
      bytes: bytes(state.verifyBytes),
      derivation: {
        formula: '(requests + 1 for padding) x draft tokens x state of all recurrent layers',
        substituted: `${formatCount(states)} x ${formatCount(cache.slotBytes)}`,
        source: 'sglang/srt/mem_cache/memory_pool.py, MambaPool.SpeculativeState',
      },
    },
  ];
}

/** Additional tokens of a table row, beyond the context (ReqToTokenPool, extra_max_context_len). */
const extraContext = 4;

export function requestTableBytes(requests: number, settings: SglangSettings): number {
  const row = settings.contextLength + extraContext + (settings.speculation?.draftTokens ?? 0);
  return requests * row * 4;
}

function tableEntry({ pools, settings }: HeldInput): LedgerEntry {
  const row = settings.contextLength + extraContext + (settings.speculation?.draftTokens ?? 0);
  return {
    category: 'workspace',
    tag: 'request table',
    tier: 'device',
    bytes: bytes(requestTableBytes(pools.requests, settings)),
    derivation: {
      formula: 'requests x (context + spare tokens) x 4 B',
      substituted: `${formatCount(pools.requests)} x ${formatCount(row)} x 4`,
      source: 'sglang/srt/mem_cache/memory_pool.py, ReqToTokenPool',
    },
  };
}

function workspaceEntries({ hardware }: HeldInput): readonly LedgerEntry[] {
  const capability = Number(hardware.computeCapability ?? 0);
  const row = facts.attentionWorkspaceMib.rows.find(
    ({ vendor, capabilityMin }) => vendor === hardware.vendor && capability >= capabilityMin,
  );
  if (row === undefined) return [];
  return [
    {
      category: 'workspace',
      tag: 'attention',
      tier: 'device',
      bytes: bytes(row.mib * MiB),
      derivation: {
        formula: 'buffers of the attention kernels',
        substituted: `${row.mib} MiB`,
        source: 'sglang/srt/layers/attention; measured',
        fitted: row.fitted,
      },
    },
  ];
}

/**
 * Returns the entry of the memory that stays free for activations, CUDA graphs and the sampler. Without pools, it is
 * the whole share that the engine would leave free, so that the shortfall equals the engine's own.
 */
export function headroomEntry(room: {
  readonly capacityBytes: number;
  readonly heldBytes: number;
  readonly poolBytes: number;
  readonly leftAloneBytes: number | null;
  readonly share: number;
}): LedgerEntry {
  const { capacityBytes, heldBytes, poolBytes, leftAloneBytes } = room;
  const free = leftAloneBytes ?? Math.max(0, capacityBytes - heldBytes - poolBytes);
  const sum = `${formatCount(capacityBytes)} - ${formatCount(heldBytes)} - ${formatCount(poolBytes)}`;
  return {
    category: 'headroom',
    tag: 'for activations and CUDA graphs',
    tier: 'device',
    bytes: bytes(free),
    derivation: {
      formula: `total - held - pools; --mem-fraction-static ${room.share} sizes the pools`,
      substituted: leftAloneBytes !== null || free === 0 ? `${free}` : sum,
      source: 'sglang/srt/server_args.py, mem_fraction_static',
    },
  };
}
